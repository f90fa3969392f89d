"""A door of the test's own in a connection's way: a TCP proxy on loopback that passes bytes on, late, or not.

    async with door_to(postgres_at(dsn)) as door:   # or tcp("127.0.0.1", port), or address_of(url)
        ...                                         # use door.dsn(dsn), door.address or door.url(url)
        door.swallow()

A connection that went silent stays so after `open`, as one whose packets nobody sends again; those made later
pass. Kafka names its own addresses, so it has a way in of its own: `kafka_door`.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from socket import AF_INET, SO_LINGER, SOL_SOCKET
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.support.kafka import Broker

Upstream = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
_PIECE = 64 * 1024
_ON_THE_WAY = 1000
"""Most pieces between the two sides: enough for what is delayed."""


class _Way(Enum):
    OPEN = "open"
    SWALLOW = "swallow"
    REFUSE = "refuse"


@dataclass(eq=False, slots=True)
class _Passage:
    """One connection through the door."""

    task: asyncio.Task[None]
    silent: bool
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def reset(self) -> None:
        """Both sides see a connection that was reset."""
        for writer in self.writers:
            raw = writer.get_extra_info("socket")
            if raw is not None and raw.family == AF_INET:
                raw.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        self.task.cancel()


class Door:
    """Use `door_to`. For one event loop."""

    def __init__(self, upstream: Upstream) -> None:
        self.port = 0
        self.entered = 0
        """How many connections have come."""
        self._upstream = upstream
        self._way = _Way.OPEN
        self._delay = 0.0
        self._passages: set[_Passage] = set()

    # What a test does to it

    def open(self) -> None:
        """Pass everything on at once, as in the beginning."""
        self._way, self._delay = _Way.OPEN, 0.0

    def delay(self, seconds: float) -> None:
        """Pass everything on, each piece so much later, in either direction."""
        self._way, self._delay = _Way.OPEN, seconds

    def swallow(self, *, new: bool = True) -> None:
        """Open connections go silent for good: no byte passes, nor an end. `new`: those that come are taken
        and are silent too, until the door is told otherwise; else they pass."""
        for passage in self._passages:
            passage.silent = True
        self._way = _Way.SWALLOW if new else _Way.OPEN

    def cut(self) -> None:
        """Reset open connections. Those that come are treated as before."""
        for passage in list(self._passages):
            passage.reset()

    def refuse(self) -> None:
        """Reset open connections, and those that come as soon as they do."""
        self._way = _Way.REFUSE
        self.cut()

    # Where it is

    @property
    def address(self) -> str:
        """`host:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def passing(self) -> int:
        """How many connections are open and not silent."""
        return sum(not passage.silent for passage in self._passages)

    def url(self, url: str) -> str:
        """An HTTP address, through the door."""
        return urlsplit(url)._replace(netloc=self.address).geturl()

    def dsn(self, dsn: str) -> str:
        """A Postgres address, through the door."""
        parts = urlsplit(dsn)
        user = parts.netloc.rpartition("@")[0]
        rest = {k: v[0] for k, v in parse_qs(parts.query).items() if k not in ("host", "port")}
        return parts._replace(netloc=f"{user}@{self.address}", query=urlencode(rest)).geturl()

    # What it does

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.entered += 1
        task = asyncio.current_task()
        assert task is not None
        passage = _Passage(task, self._way is _Way.SWALLOW, [writer])
        self._passages.add(passage)
        try:
            if self._way is _Way.REFUSE:
                passage.reset()
            elif passage.silent:
                while await reader.read(_PIECE):
                    pass
            else:
                theirs, to_them = await self._upstream()
                passage.writers.append(to_them)
                await asyncio.gather(
                    self._carry(passage, reader, to_them), self._carry(passage, theirs, writer)
                )
        except asyncio.CancelledError:
            pass  # cut; asyncio would log that its callback was cancelled
        except OSError:
            passage.reset()
        finally:
            self._passages.discard(passage)
            for each in passage.writers:
                each.close()

    async def _carry(
        self, passage: _Passage, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass one direction on to its end."""
        now = asyncio.get_running_loop().time
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_ON_THE_WAY)

        async def read() -> None:
            piece = b"something"
            while piece:
                try:
                    piece = await reader.read(_PIECE)
                except OSError:
                    piece = b""  # a reset is passed on as an end
                await pieces.put((now() + self._delay, piece))

        reading = asyncio.create_task(read())
        try:
            piece = b"something"
            while piece:
                due, piece = await pieces.get()
                await asyncio.sleep(due - now())
                if passage.silent:
                    await asyncio.Event().wait()
                if piece:
                    writer.write(piece)
                    await writer.drain()
                elif writer.can_write_eof():
                    writer.write_eof()
        finally:
            reading.cancel()

    async def close(self) -> None:
        """Reset what is still open."""
        tasks = [passage.task for passage in self._passages]
        self.cut()
        if tasks:
            await asyncio.wait(tasks)


@asynccontextmanager
async def door_to(upstream: Upstream, port: int = 0) -> AsyncIterator[Door]:
    """An open door; it is gone after the block. `port`: where it must be, else any."""
    door = Door(upstream)
    server = await asyncio.start_server(door.take, "127.0.0.1", port)
    door.port = server.sockets[0].getsockname()[1]
    try:
        yield door
    finally:
        server.close()
        await door.close()


def tcp(host: str, port: int) -> Upstream:
    """What listens there."""
    return partial(asyncio.open_connection, host, port)


def address_of(url: str) -> Upstream:
    """The HTTP server of an address."""
    parts = urlsplit(url)
    return tcp(parts.hostname or "127.0.0.1", parts.port or 80)


def postgres_at(dsn: str) -> Upstream:
    """The Postgres of an address, the embedded one's socket too."""
    parts = urlsplit(dsn)
    host = parse_qs(parts.query).get("host", [parts.hostname or "127.0.0.1"])[0]
    if host.startswith("/"):
        return partial(asyncio.open_unix_connection, f"{host}/.s.PGSQL.{parts.port or 5432}")
    return tcp(host, parts.port or 5432)


@asynccontextmanager
async def kafka_door(broker: Broker) -> AsyncIterator[Door]:
    """A door before the broker: `door.address` is where to bootstrap, and all that the broker names."""
    if broker.doors is None:
        pytest.skip("only the Kafka of the jars has a place for a door")
    behind, before = broker.doors
    async with door_to(tcp("127.0.0.1", behind), before) as door:
        yield door
