"""The writer on the log: memory.ready in, profiles in the database out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.writer.writer import write_memory
from shared.domain.errors import UnknownRunError
from shared.domain.events import MemoryReady
from shared.host.service import Kit, Service, no_such_run, what_happened
from shared.log.policy import PoolPolicy
from shared.log.stage import Received, per_record
from shared.pipelines import MEMORY_READY

IN_FLIGHT = 4


@asynccontextmanager
async def app(kit: Kit) -> AsyncIterator[Service]:
    """Commits memories. One that the database can never take ends its run as failed."""

    async def commit(received: Received[MemoryReady]) -> None:
        try:
            ending = await write_memory(received.event, kit.store, kit.settings.min_coverage)
        except UnknownRunError:
            raise no_such_run(received.event) from None
        if ending not in ("complete", "failed"):
            kit.ignore(received.event, ending)

    async def give_up(received: Received[MemoryReady] | None, error: Exception) -> None:
        if received is not None and (run := await kit.own_run(received.event)) is not None:
            await kit.store.fail_run(*run, step="writing", error=what_happened(error))

    stage = per_record("writer", MemoryReady, commit, on_dead=give_up)
    yield Service(kit.topic(MEMORY_READY), stage, PoolPolicy(ceiling=IN_FLIGHT), probe=kit.database_answers)
