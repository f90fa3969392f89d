"""The ways to the database that a store may take, each over real parts that all tests of a session share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from shared.store.store import Store, open_rest_store, open_store
from tests.support.gateway import Project, supabase_project
from tests.support.pgbouncer import pgbouncer

TRANSPORTS = ("direct", "pooled", "rest")


class Transports:
    """What stands before each database, started when first asked for. Use `open_transports`."""

    def __init__(self, stack: AsyncExitStack) -> None:
        self._stack = stack
        self._projects: dict[str, Project] = {}
        self._poolers: dict[str, str] = {}

    async def project(self, dsn: str) -> Project:
        """The database as a Supabase project: PostgREST behind a gateway."""
        if dsn not in self._projects:
            self._projects[dsn] = await self._stack.enter_async_context(supabase_project(dsn))
        return self._projects[dsn]

    async def pooler(self, dsn: str) -> str:
        """The DSN of the database through PgBouncer in transaction mode."""
        if dsn not in self._poolers:
            self._poolers[dsn] = await self._stack.enter_async_context(pgbouncer(dsn))
        return self._poolers[dsn]

    @asynccontextmanager
    async def store(self, kind: str, dsn: str) -> AsyncIterator[Store]:
        """A store that reaches the database in this way."""
        if kind == "rest":
            project = await self.project(dsn)
            opened = open_rest_store(project.url, project.service_key)
        else:
            opened = open_store(await self.pooler(dsn) if kind == "pooled" else dsn)
        async with opened as store:
            yield store


@asynccontextmanager
async def open_transports() -> AsyncIterator[Transports]:
    """All that was started ends with the block."""
    async with AsyncExitStack() as stack:
        yield Transports(stack)
