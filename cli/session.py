"""What a command stands on: the database. Opened in order, closed in reverse."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from shared.settings import Settings
from shared.store.embedded import embedded_postgres
from shared.store.migrate import migrate
from shared.store.store import Store, open_store


@asynccontextmanager
async def opened_store(settings: Settings) -> AsyncIterator[Store]:
    """The store of this machine: the given Postgres, else the embedded one; schema up to date."""
    async with AsyncExitStack() as stack:
        if settings.database_url is not None:
            dsn = settings.database_url.get_secret_value()
        else:
            dsn = await stack.enter_async_context(embedded_postgres(settings.home))
        await migrate(dsn)
        yield await stack.enter_async_context(open_store(dsn))
