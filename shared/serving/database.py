"""The store of a service: waits for a database that is not there yet, and says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import structlog

from shared.domain.errors import StoreError
from shared.log.faults import Backoff
from shared.settings import Settings
from shared.store.downloads import Downloads
from shared.store.embedded import embedded_postgres
from shared.store.migrate import migrate
from shared.store.store import Store, open_store

T = TypeVar("T")
_LATER = ("53", "57")
"""Classes of SQLSTATE of a database that starts, stops or has no connection free."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def waited_store(
    settings: Settings, *, connections: int, tell: Callable[[str], None] = lambda why: None
) -> AsyncIterator[Store]:
    """The store of DATABASE_URL, else of the embedded Postgres, schema up to date.

    Waits without end for a server that cannot be reached, saying so in the log and to `tell`; raises
    StoreError where it refuses.
    """
    async with AsyncExitStack() as stack:
        if settings.database_url is not None:
            dsn = settings.database_url.get_secret_value()
        else:
            dsn = await stack.enter_async_context(embedded_postgres(settings.home))
        await _patiently(lambda: migrate(dsn), tell)
        yield await _patiently(
            lambda: stack.enter_async_context(
                open_store(dsn, connections=connections, downloads=downloads_of(settings))
            ),
            tell,
        )


def downloads_of(settings: Settings) -> Downloads:
    """Where the settings allow exports to come from."""
    return Downloads(
        roots=settings.import_roots or (),
        storage_url=settings.supabase_url,
        service_key=settings.supabase_service_role_key,
        buckets=settings.import_buckets,
        max_bytes=settings.max_export_bytes,
    )


async def _patiently(attempt: Callable[[], Awaitable[T]], tell: Callable[[str], None]) -> T:
    backoff, failures = Backoff(base=1.0, cap=5.0), 0
    while True:
        try:
            return await attempt()
        except StoreError as error:
            if error.sqlstate is not None and error.sqlstate[:2] not in _LATER:
                raise
            failures += 1
            tell(f"waiting for the database: {error}")
            log.warning("waiting for the database", reason=str(error))
            await asyncio.sleep(0.2 + backoff.delay(failures))
