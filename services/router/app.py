"""The router on the log: import.received in, import.received of a pipeline out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.router.policy import routes
from shared.domain.events import ImportReceived
from shared.host.service import Kit, Service
from shared.log.policy import PoolPolicy
from shared.log.stage import per_record
from shared.pipelines import IMPORT_RECEIVED

IN_FLIGHT = 64


@asynccontextmanager
async def app(kit: Kit) -> AsyncIterator[Service]:
    """The only reader of import.received."""

    async def pass_on(event: ImportReceived) -> None:
        for each, pipeline in await routes(event, kit.store, kit.settings):
            await kit.publish(IMPORT_RECEIVED, each.import_id, each, pipeline)

    yield Service(
        per_record("router", ImportReceived, pass_on),
        PoolPolicy(ceiling=IN_FLIGHT),
        probe=kit.database_answers,
    )
