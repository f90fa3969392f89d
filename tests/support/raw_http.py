"""HTTP/1.1 as bytes: for what no client sends, and for how an answer ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(slots=True)
class RawAnswer:
    """What came until the other end closed the connection, or until it was whole."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    """As it came: chunks with their lengths."""

    def all(self, name: str) -> list[str]:
        """Values of a header, in order."""
        return [value for each, value in self.headers if each == name]


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection, which the block's end drops."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def raw(url: str, request: bytes) -> RawAnswer:
    """Send these bytes, whose last header should be `Connection: close`, and read to the end."""
    async with connected(url) as (reader, writer):
        writer.write(request)
        return await read_answer(reader)


async def read_answer(reader: asyncio.StreamReader) -> RawAnswer:
    """One answer, up to the end of the connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = [(name.lower(), value.strip()) for name, _, value in (x.partition(":") for x in head[1:] if x)]
    return RawAnswer(int(head[0].split(" ")[1]), headers, await reader.read())
