"""A loopback server that answers calls over REST as what lies between may: a proxy's pages, refusals in any
form, answers without an end, or none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum

JSON, HTML = "application/json; charset=utf-8", "text/html"


class How(Enum):
    """How an answer comes."""

    WHOLE = "whole"
    BROKEN = "broken"
    """Half of it, and the connection is closed."""
    ENDLESS = "endless"
    """Its body again and again, without a length."""
    SILENT = "silent"
    """Not at all."""


@dataclass(frozen=True)
class Odd:
    """One answer."""

    status: int
    body: bytes
    kind: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    how: How = How.WHOLE


@dataclass
class OddServer:
    """Gives its answers in turn, the last again and again. `calls`: the paths and bodies that came."""

    answers: list[Odd] = field(default_factory=list)
    calls: list[tuple[str, bytes]] = field(default_factory=list)
    connections: int = 0
    ended: int = 0
    """Of those, the closed ones."""
    url: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve the calls of one connection."""
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.calls.append((head[0].split(" ")[1], body))
                await self._write(writer, self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # it is gone, or was to be
        finally:
            self.ended += 1
            writer.close()

    async def _write(self, writer: asyncio.StreamWriter, odd: Odd) -> None:
        if odd.how is How.SILENT:
            await asyncio.Event().wait()
        length = (
            "Transfer-Encoding: chunked" if odd.how is How.ENDLESS else f"Content-Length: {len(odd.body)}"
        )
        lines = [f"HTTP/1.1 {odd.status} Odd", f"Content-Type: {odd.kind}", length]
        lines += [f"{name}: {value}" for name, value in odd.headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        if odd.how is How.ENDLESS:
            while True:
                writer.write(b"%x\r\n%b\r\n" % (len(odd.body), odd.body))
                await writer.drain()
        writer.write(odd.body[: len(odd.body) // 2] if odd.how is How.BROKEN else odd.body)
        await writer.drain()
        if odd.how is How.BROKEN:
            raise ConnectionError


@asynccontextmanager
async def odd_server(*answers: Odd) -> AsyncIterator[OddServer]:
    """A running server."""
    odd = OddServer(list(answers))
    tasks = set[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        await odd.answer(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    odd.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield odd
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
