"""An embedded Postgres that a test may kill -9 and start again under its address."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil

from shared.postgres.embedded import embedded_postgres
from tests.support.guard import guarded_home


@dataclass
class MortalPostgres:
    """Use `mortal_postgres`."""

    home: Path
    _stack: AsyncExitStack
    dsn: str = ""

    async def start(self) -> None:
        """Start it, after a kill with the recovery that this takes."""
        self.dsn = await self._stack.enter_async_context(embedded_postgres(self.home))

    @property
    def alive(self) -> bool:
        """Whether it runs: a server that finds its disk full gives up."""
        try:
            pid = int((self.home / "postgres" / "postmaster.pid").read_text().split()[0])
        except (OSError, ValueError, IndexError):
            return False
        return psutil.pid_exists(pid)

    async def kill(self) -> None:
        """kill -9 the server; returns when it is gone."""
        process = psutil.Process(int((self.home / "postgres" / "postmaster.pid").read_text().split()[0]))
        os.kill(process.pid, signal.SIGKILL)
        await asyncio.to_thread(process.wait, 30)


@asynccontextmanager
async def mortal_postgres(folder: Path | None = None) -> AsyncIterator[MortalPostgres]:
    """A server of its own that keeps every commit: the embedded one may lose the last moment in a crash.
    `folder`: where its files lie, if that matters."""
    with tempfile.TemporaryDirectory(
        prefix="soulprint-test-", ignore_cleanup_errors=True, dir=folder
    ) as home:
        async with AsyncExitStack() as stack:
            stack.enter_context(guarded_home(Path(home)))
            found = MortalPostgres(Path(home), stack)
            await found.start()
            connection = await asyncpg.connect(found.dsn)
            try:
                await connection.execute("ALTER SYSTEM SET synchronous_commit = on")
                await connection.execute("SELECT pg_reload_conf()")
            finally:
                await connection.close()
            yield found
