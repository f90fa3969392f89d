"""The store that the settings name: DATABASE_URL, a Supabase project over REST, or the embedded Postgres of
this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import structlog

from shared.domain.errors import StoreError
from shared.postgres.embedded import embedded_postgres
from shared.postgres.embeddings import prepare_embeddings
from shared.postgres.migrate import migrate
from shared.postgres.versions import require_current
from shared.resilience.backoff import Backoff
from shared.settings import Settings
from shared.store.downloads import Downloads
from shared.store.store import Store, open_rest_store, open_store

T = TypeVar("T")
_LATER = ("53", "55", "57")
"""Classes of SQLSTATE of a database that starts, stops, has no connection free; of what others lock."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def opened_store(
    settings: Settings, *, connections: int = 4, waiting: Callable[[str], None] | None = None
) -> AsyncIterator[Store]:
    """The store, its schema up to date, closed with the block; the embedded server ends with it.

    Raises StoreError. With `waiting`, a server that cannot be reached is waited for without end, which is
    said in the log and to `waiting`; only one that refuses raises. Over REST nothing is migrated: a schema
    that is behind is refused, or waited for.
    """
    async with AsyncExitStack() as stack:
        opened = await _opener(settings, connections, stack)
        yield await (opened() if waiting is None else _patiently(opened, waiting))


async def _opener(
    settings: Settings, connections: int, stack: AsyncExitStack
) -> Callable[[], Awaitable[Store]]:
    """What opens the store, and may be tried again; the store ends with `stack`."""
    seconds, downloads = settings.database_timeout, downloads_of(settings)
    kind, url, key = settings.store_kind, settings.supabase_url, settings.supabase_service_role_key
    if kind == "rest" and url and key:
        rest = await stack.enter_async_context(
            open_rest_store(
                url,
                key.get_secret_value(),
                connections=connections,
                seconds=seconds,
                downloads=downloads,
            )
        )

        async def checked() -> Store:
            require_current(await rest.schema_version())
            return rest

        return checked
    if kind == "direct" and settings.database_url:
        dsn = settings.database_url.get_secret_value()
    else:
        dsn = await stack.enter_async_context(embedded_postgres(settings.home))

    async def migrated() -> Store:
        await migrate(dsn)
        if settings.embeddings_url:
            await prepare_embeddings(dsn, settings.embeddings_dimensions)
        store = open_store(dsn, connections=connections, seconds=seconds, downloads=downloads)
        return await stack.enter_async_context(store)

    return migrated


def downloads_of(settings: Settings) -> Downloads:
    """Where the settings allow exports to come from."""
    return Downloads(
        roots=settings.import_roots or (),
        storage_url=settings.supabase_url,
        service_key=settings.supabase_service_role_key,
        buckets=settings.import_buckets,
        max_bytes=settings.max_export_bytes,
    )


async def _patiently(attempt: Callable[[], Awaitable[T]], waiting: Callable[[str], None]) -> T:
    backoff, failures = Backoff(base=1.0, cap=5.0), 0
    while True:
        try:
            return await attempt()
        except StoreError as error:
            if error.sqlstate is not None and error.sqlstate[:2] not in _LATER:
                raise
            failures += 1
            waiting(f"waiting for the database: {error}")
            log.warning("waiting for the database", reason=str(error))
            await asyncio.sleep(0.2 + backoff.delay(failures))
