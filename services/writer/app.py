"""The writer on the log: memory.ready in, profiles in the database out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from services.writer.writer import write_memory
from shared.domain.errors import UnknownRunError
from shared.domain.events import MemoryReady
from shared.host.service import Kit, Service, no_such_run
from shared.log.policy import PoolPolicy
from shared.log.stage import per_record

IN_FLIGHT = 4

log = structlog.get_logger(__name__)


@asynccontextmanager
async def app(kit: Kit) -> AsyncIterator[Service]:
    """Commits memories, and tells the app if it is to be told. A memory that the database can never take ends
    its run as failed."""
    sender = None
    if (url := kit.settings.app_to_tell) is not None:
        from services.writer.callbacks import CallbackSender  # an HTTP client is 10 MB

        sender = CallbackSender(kit, url)

    async def commit(memory: MemoryReady) -> None:
        try:
            ending = await write_memory(memory, kit.store, kit.settings)
        except UnknownRunError:
            raise no_such_run(memory) from None
        if sender is not None:
            sender.look()
        if ending == "smaller":
            log.warning("memory kept beside the served one", stage=kit.name, **memory.ids)
        elif ending == "joining":
            log.info("memory to be made again, with another lineage's", stage=kit.name, **memory.ids)
        elif ending not in ("complete", "failed"):
            kit.ignore(memory, ending)

    async def give_up(memory: MemoryReady | None, error: Exception) -> None:
        if memory is not None:
            await kit.end_failed(memory, step="writing", error=error)

    stage = per_record("writer", MemoryReady, commit, on_dead=give_up)
    yield Service(
        stage,
        PoolPolicy(ceiling=IN_FLIGHT),
        probe=kit.database_answers,
        tasks=() if sender is None else (sender.run,),
    )
