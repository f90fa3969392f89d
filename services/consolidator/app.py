"""The consolidator on the log: facts.extracted in, memory.ready out. Completion is state, not an event."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.consolidator.consolidations import Consolidations
from services.consolidator.dead_letters import DeadLetterIndex
from services.consolidator.driver import Driver
from services.consolidator.stage import Results
from shared.domain.events import FactsExtracted
from shared.host.service import Kit, Service, silence_of
from shared.host.sweeper import Sweeper
from shared.log.policy import PoolPolicy
from shared.log.stage import per_batch
from shared.models.base import Metered
from shared.requests.relay import Relay

BATCH = 64
AT_ONCE = 2
"""Batches in flight: while one is in the database the next is prepared."""
GATHER_BYTES = 32 * 1024
"""Some thirty results, as they lie compressed on the log."""
LINGER = 0.03
"""Seconds: a call of the database costs more than the moment in which a few more results come in. What was
paid for does not wait: until it is recorded, it would be lost with the process."""


@asynccontextmanager
async def app(kit: Kit) -> AsyncIterator[Service]:
    """Records results of chunks, many a call; consolidates runs that are complete; sweeps; drives
    replays; keeps the index of dead letters; offers what the database alone knows to the log, such as the
    fallback of a run that failed."""
    async with kit.open_model(patience=0.0, workers=0) as model:
        kit.metrics.models.watch(kit.name, model)
        consolidations = Consolidations(kit, model)
        results = Results(kit, model, consolidations)
        stage = per_batch("consolidator", FactsExtracted, results.handle, most=BATCH, on_dead=results.give_up)
        tasks = [Sweeper(kit, consolidations.offer).run, results.show_progress]
        if kit.only is None:
            relay = Relay(kit.store, kit.publisher, sole=kit.sole)
            tasks += [relay.run, Driver(kit, relay, consolidations.offer).run, DeadLetterIndex(kit).run]
        yield Service(
            stage,
            PoolPolicy(
                ceiling=AT_ONCE,
                linger=0.0 if isinstance(model, Metered) else LINGER,
                gather_bytes=GATHER_BYTES,
            ),
            probe=kit.database_answers,
            tasks=tasks,
            trouble=lambda: consolidations.trouble() or silence_of(model),
            drain=consolidations.drain,
        )
