"""The store: one typed method for each SQL function, over a thin transport."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from uuid import UUID

from shared.postgres.locks import user_lock
from shared.postgres.pooler import direct_only
from shared.store.accepting import Accepting
from shared.store.access import Access
from shared.store.batches import Batches
from shared.store.callbacks import Callbacks
from shared.store.chunks import Chunks
from shared.store.dead_letters import DeadLetters
from shared.store.direct import open_direct
from shared.store.downloads import Downloads
from shared.store.driving import Driving
from shared.store.embeddings import Embeddings
from shared.store.facts import Facts
from shared.store.feeding import Feeds
from shared.store.leases import Leases
from shared.store.profiles import Profiles
from shared.store.replaying import Replaying
from shared.store.replays import Replays
from shared.store.routing import Routing
from shared.store.runs import Runs
from shared.store.schema import Schema
from shared.store.transport import CALL_SECONDS, Transport
from shared.store.usage import Usages
from shared.store.users import Users
from shared.store.v1_calls import V1Calls
from shared.store.watching import Watching
from shared.store.writing import Writings


class Store(
    Accepting,
    Routing,
    Replays,
    Writings,
    Runs,
    Driving,
    Chunks,
    Facts,
    Feeds,
    Profiles,
    Callbacks,
    Leases,
    Replaying,
    Batches,
    Embeddings,
    Usages,
    Users,
    V1Calls,
    Schema,
    Access,
    Watching,
    DeadLetters,
):
    """Everything the services keep. Methods raise StoreError with function and SQLSTATE, never a parameter.

    `open_store` makes one. Safe for use by many tasks at once.
    """

    def __init__(
        self, transport: Transport, *, dsn: str | None = None, downloads: Downloads | None = None
    ) -> None:
        self._transport = transport
        self._dsn = dsn
        self._downloads = downloads or Downloads()

    def lock_user(self, user_id: UUID, called: str = "") -> AbstractAsyncContextManager[None]:
        """Hold the user for this process: `async with store.lock_user(id)`. The lock ends with the block, or
        with the process however it ends. Raises BusyError, which names the user as `called`, if another holds
        it."""
        if self._dsn is None:
            raise direct_only(
                "one run at a time for a user",
                "the store is over REST, which has none (SOULPRINT_STORE=embedded keeps it on this machine)",
            )
        return user_lock(self._dsn, user_id, called or str(user_id))

    async def download_conversations(self, source: str, destination: Path) -> list[Path]:
        """The local files of an export: see Downloads.fetch."""
        return await self._downloads.fetch(source, destination)

    async def close(self) -> None:
        """Release connections. Safe to call twice."""
        await self._transport.close()


@asynccontextmanager
async def open_store(
    dsn: str,
    *,
    connections: int = 4,
    seconds: float = CALL_SECONDS,
    downloads: Downloads | None = None,
) -> AsyncIterator[Store]:
    """A store over a migrated database (`shared.postgres.migrate.migrate`); `seconds`: see `seconds_for`."""
    transport = await open_direct(dsn, connections=connections, seconds=seconds)
    store = Store(transport, dsn=dsn, downloads=downloads)
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def open_rest_store(
    url: str,
    key: str,
    *,
    connections: int = 4,
    seconds: float = CALL_SECONDS,
    downloads: Downloads | None = None,
) -> AsyncIterator[Store]:
    """A store over the REST of the Supabase project at `url`, with its service key. It has no session, and
    so locks no user."""
    from shared.store.rest import open_rest  # its client takes 50 ms and 5 MB that nobody else needs

    store = Store(open_rest(url, key, connections=connections, seconds=seconds), downloads=downloads)
    try:
        yield store
    finally:
        await store.close()
