"""The router on the log: import.received in, import.received of a pipeline out; beside it the judge."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.router.leader import Leader
from services.router.passing import Passing
from shared.domain.events import ImportReceived
from shared.host.service import Kit, Service
from shared.log.policy import PoolPolicy
from shared.log.stage import per_record

IN_FLIGHT = 64


@asynccontextmanager
async def app(kit: Kit) -> AsyncIterator[Service]:
    """The only reader of import.received. One of all routers judges the lanes."""
    yield Service(
        per_record("router", ImportReceived, Passing(kit).handle),
        PoolPolicy(ceiling=IN_FLIGHT),
        probe=kit.database_answers,
        tasks=() if kit.only else (Leader(kit).run,),
    )
