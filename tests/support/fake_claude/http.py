"""Just enough HTTP/1.1 to be the API, and to misbehave as no web framework lets one: drop, hang, cut."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import orjson

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request, whole. Header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """One answer. `delivered` is called once the whole body has been handed to a client that is there."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_at: int | None = None
    """Send so many bytes of the body and drop the connection."""
    delivered: Callable[[], None] | None = None


def json_response(value: object, status: int = 200, **more: object) -> HttpResponse:
    """`value` as JSON."""
    return HttpResponse(status, orjson.dumps(value), **more)


class DropConnection(Exception):  # noqa: N818 - an order to the server, not an error
    """Close the connection without an answer."""


Handler = Callable[[HttpRequest], Awaitable[HttpResponse]]


class HttpServer:
    """Serves `handler` on a free port of 127.0.0.1. A client that goes away cancels its handler."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.port = 0

    async def start(self, port: int = 0) -> None:
        """Listen; `port` then tells where."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Refuse connections and drop those there are. `start` may follow."""
        if self._server is None:
            return
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            while (request := await _read(reader)) is not None and await self._answer(
                request, reader, writer
            ):
                pass
        except (asyncio.CancelledError, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._connections.discard(task)
            writer.transport.abort()

    async def _answer(
        self, request: HttpRequest, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Answer one request; False if the connection is over."""
        work = asyncio.ensure_future(self._handler(request))
        gone = asyncio.ensure_future(reader.read(1))  # the API's clients never pipeline: this is the end
        try:
            await asyncio.wait((work, gone), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (work, gone):
                task.cancel()
            await asyncio.wait((work, gone))
        if work.cancelled():
            return False
        try:
            response = work.result()
        except DropConnection:
            return False
        return await _write(writer, response)


async def _read(reader: asyncio.StreamReader) -> HttpRequest | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return HttpRequest(method, path, headers, body)


async def _write(writer: asyncio.StreamWriter, response: HttpResponse) -> bool:
    head = {
        "content-type": response.content_type,
        "content-length": str(len(response.body)),
        **response.headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    body = response.body if response.cut_at is None else response.body[: response.cut_at]
    writer.write(f"HTTP/1.1 {response.status} Status\r\n{lines}\r\n".encode("latin-1") + body)
    await writer.drain()
    if response.cut_at is not None:
        return False
    if response.delivered is not None:
        response.delivered()
    return True
