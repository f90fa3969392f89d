"""Requests at a steady rate, over connections that stay open: a late answer makes no other one late."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bench.product import RunFailedError

CONNECTIONS = 64


@dataclass(slots=True)
class Latencies:
    """How long requests took, from when each was due."""

    seconds: list[float] = field(default_factory=list)

    def at(self, share: float) -> float:
        """The milliseconds within which this share of them was answered."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000


@dataclass(slots=True)
class _Line:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, request: bytes, status: bytes) -> None:
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        if head[9:12] != status:
            raise RunFailedError(f"a request was answered {head[9:12].decode(errors='replace')}")
        size = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await self.reader.readexactly(int(size))


class Load:
    """Connections to one server."""

    def __init__(self, lines: asyncio.Queue[_Line]) -> None:
        self._lines = lines

    async def steady(
        self, request: Callable[[int], bytes], rate: float, seconds: float, *, status: bytes = b"200"
    ) -> Latencies:
        """So many requests a second, for so long. Raises RunFailedError if one is answered otherwise."""
        latencies = Latencies()

        async def one(number: int, due: float) -> None:
            line = await self._lines.get()
            try:
                await line.ask(request(number), status)
            finally:
                self._lines.put_nowait(line)
            latencies.seconds.append(time.perf_counter() - due)

        begin = time.perf_counter() + 0.05
        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
                due = begin + number / rate
                if (wait := due - time.perf_counter()) > 0:
                    await asyncio.sleep(wait)
                group.create_task(one(number, due))
        return latencies


@asynccontextmanager
async def loading(port: int, connections: int = CONNECTIONS) -> AsyncIterator[Load]:
    """Connections to what listens at this port."""
    lines: asyncio.Queue[_Line] = asyncio.Queue()
    opened = [_Line(*(await asyncio.open_connection("127.0.0.1", port))) for _ in range(connections)]
    for line in opened:
        lines.put_nowait(line)
    try:
        yield Load(lines)
    finally:
        for line in opened:
            line.writer.close()


def get(path: str, key: str = "") -> bytes:
    """A request for this path."""
    allowed = f"Authorization: Bearer {key}\r\n" if key else ""
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\n{allowed}\r\n".encode()


def post(path: str, body: bytes, key: str) -> bytes:
    """A request that sends JSON there."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
