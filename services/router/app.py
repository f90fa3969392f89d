"""The router on the log: import.received in, import.received.<pipeline> out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.router.router import route
from shared.domain.events import ImportReceived
from shared.host.service import Kit, Service
from shared.log.policy import PoolPolicy
from shared.log.stage import Received, per_record
from shared.pipelines import IMPORT_RECEIVED, topic

IN_FLIGHT = 64


@asynccontextmanager
async def app(kit: Kit) -> AsyncIterator[Service]:
    """The only reader of import.received."""

    async def pass_on(received: Received[ImportReceived]) -> None:
        event = received.event
        to = topic(IMPORT_RECEIVED, route(event, kit.settings.pipeline))
        await kit.publisher.publish(to, str(event.import_id), event)

    stage = per_record("router", ImportReceived, pass_on)
    yield Service(topic(IMPORT_RECEIVED), stage, PoolPolicy(ceiling=IN_FLIGHT))
