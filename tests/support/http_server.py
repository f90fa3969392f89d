"""An ASGI app behind a real uvicorn on a loopback port, and requests to it byte by byte."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn


class _Server(uvicorn.Server):
    """Leaves signals alone: they are for the tests. Stops at once, and not at the next tick of a clock."""

    stopping: asyncio.Event

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.stopping.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def served(app: Any, port: int = 0, **options: Any) -> AsyncIterator[int]:
    """The app, at work; gives its port."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=port, log_config=None, access_log=False, lifespan="off", **options
    )
    server = _Server(config)
    server.stopping = asyncio.Event()
    task = asyncio.create_task(server.serve())
    while not server.started:
        assert not task.done(), "it does not start"
        await asyncio.sleep(0.001)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        server.stopping.set()
        await asyncio.wait([task])


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


@dataclass(slots=True)
class Wire:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *pieces: bytes) -> None:
        """Send on, as far as the other side takes it."""
        try:
            for piece in pieces:
                self.writer.write(piece)
                await self.writer.drain()
        except ConnectionError:
            pass  # it has had enough, and says why

    async def answer(self) -> Answer:
        """The next answer; one with status 100 comes alone."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {name.lower(): value for line in head[1:-2] for name, _, value in [line.partition(": ")]}
        body = b""
        if "content-length" in headers:
            body = await self.reader.readexactly(int(headers["content-length"]))
        elif not head[0].startswith("HTTP/1.1 1"):
            body = await self.reader.read()
        return Answer(int(head[0].split(" ")[1]), headers, body)

    async def is_closed(self) -> bool:
        """Whether the other side closes now, without another byte."""
        try:
            return await self.reader.read() == b""
        except ConnectionError:
            return True

    def cut(self) -> None:
        """Be gone."""
        self.writer.transport.abort()


@asynccontextmanager
async def wire(port: int) -> AsyncIterator[Wire]:
    """A connection to a server on this machine."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Wire(reader, writer)
    finally:
        writer.close()


def head(method: str, target: str, **headers: object) -> bytes:
    """The head of a request: `content_length=3` is a header."""
    lines = [f"{method} {target} HTTP/1.1", "Host: test"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


async def ask(port: int, method: str, target: str, body: bytes = b"", **headers: object) -> Answer:
    """One request on a connection of its own."""
    if body and "transfer_encoding" not in headers:
        headers = {"content_length": len(body), **headers}
    async with wire(port) as line:
        await line.send(head(method, target, **headers), body)
        return await line.answer()
