"""The writer on the log: memory.ready in, profiles in the database out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from services.writer.writer import write_memory
from shared.domain.errors import UnknownRunError
from shared.domain.events import MemoryReady
from shared.host.service import Kit, Service, no_such_run
from shared.log.health import EMBEDDINGS
from shared.log.policy import PoolPolicy
from shared.log.stage import per_record

IN_FLIGHT = 4

log = structlog.get_logger(__name__)


@asynccontextmanager
async def app(kit: Kit) -> AsyncIterator[Service]:
    """Commits memories; tells the app, and has passages embedded, where that is set. A memory that the
    database can never take ends its run as failed."""
    sender = embedding = None
    async with AsyncExitStack() as stack:
        # What has an HTTP client, which is 10 MB, is imported where it is needed.
        if (url := kit.settings.app_to_tell) is not None:
            from services.writer.callbacks import CallbackSender

            sender = CallbackSender(kit, url)
        if kit.settings.embeddings_url and kit.only is None:
            from services.writer.embedding import opened_embedding

            embedding = await stack.enter_async_context(opened_embedding(kit))

        async def commit(memory: MemoryReady) -> None:
            try:
                ending = await write_memory(memory, kit.store, kit.settings)
            except UnknownRunError:
                raise no_such_run(memory) from None
            if sender is not None:
                sender.look()
            if embedding is not None:
                embedding.look(memory.user_id)
            if ending in ("smaller", "held"):
                log.warning("memory kept beside the served one", stage=kit.name, **memory.ids)
            elif ending in ("outdone", "shadow"):
                log.info("kept, and not served", stage=kit.name, reason=ending, **memory.ids)
            elif ending == "joining":
                log.info("memory to be made again, with another lineage's", stage=kit.name, **memory.ids)
            elif ending not in ("complete", "failed"):
                kit.ignore(memory, ending)

        async def give_up(memory: MemoryReady | None, error: Exception) -> None:
            if memory is not None:
                await kit.end_failed(memory, step="writing", error=error)

        yield Service(
            per_record(kit.name, MemoryReady, commit, on_dead=give_up),
            PoolPolicy(ceiling=IN_FLIGHT),
            probe=kit.database_answers,
            tasks=[each.run for each in (sender, embedding) if each is not None],
            beside={} if embedding is None else {EMBEDDINGS: embedding.trouble},
        )
