"""The consolidator on the log: facts.extracted in, memory.ready out. Completion is state, not an event."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.consolidator.consolidations import Consolidations
from services.consolidator.recording import Recording
from services.consolidator.sweeper import Sweeper
from shared.domain.events import FactsExtracted
from shared.host.service import Kit, Service
from shared.log.policy import PoolPolicy
from shared.log.stage import per_batch
from shared.models.open import opened_model
from shared.pipelines import FACTS_EXTRACTED
from shared.resilience.faults import Classifier

BATCH = 64
AT_ONCE = 2
"""Batches in flight: while one is in the database the next is prepared."""


@asynccontextmanager
async def app(kit: Kit) -> AsyncIterator[Service]:
    """Records results of chunks, many a call; consolidates runs that are complete; sweeps."""
    async with opened_model(kit.settings, patience=0.0, workers=0) as model:
        kit.metrics.models.watch(kit.name, model)
        consolidations = Consolidations(kit, model, Classifier())
        recording = Recording(kit, model, consolidations)
        stage = per_batch(
            "consolidator", FactsExtracted, recording.record, most=BATCH, on_dead=recording.give_up
        )
        yield Service(
            kit.topic(FACTS_EXTRACTED),
            stage,
            PoolPolicy(ceiling=AT_ONCE),
            probe=kit.database_answers,
            tasks=(Sweeper(kit, consolidations).run, recording.show_progress),
            trouble=consolidations.trouble,
            drain=consolidations.drain,
        )
