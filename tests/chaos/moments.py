"""Gray moments: nothing dies, but something stands still, lies, is slow, full or late. Each is over when its
function returns, and what it did is undone."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from shutil import disk_usage

import asyncpg

from tests.support.door import Door
from tests.support.fleet import Fleet
from tests.support.mortal_postgres import MortalPostgres
from tests.support.waiting import until

FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
"""Debian's package faketime."""
HOUR = 3600
PACKET_SECONDS = 0.1
STATEMENT_TIMEOUT = "200ms"


@dataclass
class Gray:
    """What the moments are made with."""

    services: Fleet
    postgres: MortalPostgres
    to_postgres: Door
    to_kafka: Door
    disk: Path
    """The small file system that Postgres lies on."""
    random: Random

    def all(self) -> list[Callable[[], Awaitable[None]]]:
        """Every kind of moment once."""
        return [
            self.frozen_service,
            self.silent_postgres,
            self.silent_kafka,
            self.slow_disk,
            self.slow_kafka,
            self.read_only_postgres,
            self.full_disk,
            self.wrong_clock,
            self.hasty_postgres,
        ]

    async def frozen_service(self) -> None:
        """A service is stopped in its tracks, longer than its group waits for it."""
        member = self.services.members[self.random.choice(sorted(self.services.members))]
        os.killpg(member.process.pid, signal.SIGSTOP)
        try:
            await self._last(3.0, 12.0)
        finally:
            os.killpg(member.process.pid, signal.SIGCONT)

    async def silent_postgres(self) -> None:
        """Open connections go silent for good; those that are made meanwhile are silent too, or not."""
        await self._silent(self.to_postgres)

    async def silent_kafka(self) -> None:
        """The same between services and the broker."""
        await self._silent(self.to_kafka)

    async def slow_disk(self) -> None:
        """Every answer of the database is late."""
        await self._slow(self.to_postgres)

    async def slow_kafka(self) -> None:
        """Every answer of the broker is late."""
        await self._slow(self.to_kafka)

    async def read_only_postgres(self) -> None:
        """The database takes no writes."""
        await self._with_setting("default_transaction_read_only", "on")

    async def hasty_postgres(self) -> None:
        """The database ends whatever takes long."""
        await self._with_setting("statement_timeout", STATEMENT_TIMEOUT)

    async def full_disk(self) -> None:
        """The database's disk is full. It may give up at that, and is started again when there is room."""
        with _filled(self.disk):
            await self._last(2.0, 5.0)
        await until(lambda: self._is_back(), 60)

    async def wrong_clock(self) -> None:
        """A service runs with its clock an hour off."""
        name = self.random.choice(sorted(self.services.members))
        service = self.services.members[name].service
        hours = self.random.choice((-1, 1))
        await self.services.stop(name)
        self.services.start(
            service,
            name,
            {
                "LD_PRELOAD": str(FAKETIME),
                "FAKETIME": f"{hours * HOUR:+d}",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            },
        )
        await self._last(5.0, 10.0)
        await self.services.stop(name)
        self.services.start(service, name)

    async def _last(self, least: float, most: float) -> None:
        """How long it lasts. What runs meanwhile is what is tested: nothing is waited for."""
        await asyncio.sleep(self.random.uniform(least, most))

    async def _silent(self, door: Door) -> None:
        door.swallow(new=self.random.random() < 0.5)
        try:
            await self._last(2.0, 10.0)
        finally:
            door.open()

    async def _slow(self, door: Door) -> None:
        door.delay(PACKET_SECONDS)
        try:
            await self._last(3.0, 8.0)
        finally:
            door.open()

    async def _with_setting(self, name: str, value: str) -> None:
        connection = await asyncpg.connect(self.postgres.dsn)
        try:
            await connection.execute(f"SET {name} TO DEFAULT; SET default_transaction_read_only = off")
            await connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            await connection.execute("SELECT pg_reload_conf()")
            await self._last(3.0, 8.0)
            await connection.execute(f"ALTER SYSTEM RESET {name}")
            await connection.execute("SELECT pg_reload_conf()")
        finally:
            await connection.close()

    async def _is_back(self) -> bool:
        """Postgres is up again"""
        if not self.postgres.alive:
            await self.postgres.start()
        try:
            connection = await asyncpg.connect(self.postgres.dsn, timeout=5)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        await connection.close()
        return True


@contextmanager
def _filled(folder: Path) -> Iterator[None]:
    """Not a byte is free on a file system."""
    filler = folder / "filler"
    try:
        with filler.open("wb", buffering=0) as file:
            piece = bytes(1024**2)
            while True:
                try:
                    file.write(piece)
                except OSError:
                    break
        assert disk_usage(folder).free < len(piece)
        yield
    finally:
        filler.unlink(missing_ok=True)
