"""A loopback server that speaks the GET side of Supabase storage, faults included."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote

PREFIX = "/storage/v1/object/"


@dataclass(slots=True)
class Storage:
    """Objects by `bucket/path`. `requests` are the paths asked for, in order, as they were written."""

    key: str
    objects: dict[str, bytes] = field(default_factory=dict)
    truncate: bool = False
    """Close the connection in the middle of the body."""
    status_in_body: bool = False
    """Tell errors as older servers do: 400, with the status in the body."""
    fails: int = 0
    """Answer 503 so many times more; -1: for ever."""
    endless: bool = False
    """Send an object's body again and again, without a length and without an end."""
    silent: bool = False
    """Promise the object and send half of it, and then nothing."""
    trickles: bool = False
    """Send the object a byte at a time, never silent for long."""
    requests: list[str] = field(default_factory=list)
    url: str = ""

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection with one request."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            path = head[0].split(" ")[1]
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
            self.requests.append(path)
            body = self.objects.get(unquote(path.removeprefix(PREFIX)))
            if self.fails:
                self.fails -= self.fails > 0
                self._write(writer, 503, b"<html>unavailable</html>")
            elif headers.get("authorization") != f"bearer {self.key}".lower():
                self._refuse(writer, 403)
            elif body is None:
                self._refuse(writer, 404)
            elif self.endless:
                await self._flood(writer, body)
            elif self.trickles:
                await self._trickle(writer, body)
            else:
                self._write(writer, 200, body)
            await writer.drain()
            if self.silent:
                await reader.read()  # until the client has had enough
        except ConnectionError:
            pass  # so it had
        finally:
            writer.close()

    def _refuse(self, writer: asyncio.StreamWriter, status: int) -> None:
        shown = 400 if self.status_in_body else status
        self._write(writer, shown, b'{"statusCode":"%d","error":"refused","message":"refused"}' % status)

    def _write(self, writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
        writer.write(
            b"HTTP/1.1 %d Answer\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body))
        )
        writer.write(body[: len(body) // 2] if self.truncate or self.silent else body)

    async def _trickle(self, writer: asyncio.StreamWriter, body: bytes) -> None:
        writer.write(b"HTTP/1.1 200 Answer\r\nContent-Length: %d\r\n\r\n" % len(body))
        for byte in body:
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(0.02)

    async def _flood(self, writer: asyncio.StreamWriter, body: bytes) -> None:
        writer.write(b"HTTP/1.1 200 Answer\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"%x\r\n%b\r\n" % (len(body), body))
            await writer.drain()


@asynccontextmanager
async def storage_server(key: str) -> AsyncIterator[Storage]:
    """A running server, empty at first."""
    storage = Storage(key)
    server = await asyncio.start_server(storage.answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    storage.url = f"http://127.0.0.1:{port}"
    async with server:
        yield storage
