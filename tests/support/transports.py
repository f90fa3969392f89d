"""The ways to the database that a store may take, each over real parts that all tests of a session share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from shared.store.store import Store, open_rest_store, open_store
from tests.support.gateway import Project, supabase_project
from tests.support.pgbouncer import pgbouncer

TRANSPORTS = ("direct", "pooled", "rest")
CALLED: set[tuple[str, str]] = set()
"""Each function that a store here has called, with its transport: `make coverage` wants all of both."""


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
            _note_calls(store, kind)
            yield store


def _note_calls(store: Store, kind: str) -> None:
    transport = store._transport
    call = transport.call

    async def noted(function: str, argument: Mapping[str, Any]) -> Any:
        CALLED.add((function, kind))
        return await call(function, argument)

    transport.call = noted  # type: ignore[method-assign]


@asynccontextmanager
async def open_transports() -> AsyncIterator[Transports]:
    """All that was started ends with the block."""
    async with AsyncExitStack() as stack:
        yield Transports(stack)
