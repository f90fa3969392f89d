"""The extractor on the log: chunks.ready in, facts.extracted out. Run as many as there is work for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.extractor.batch_desk import MOST, BatchDesk
from services.extractor.stage import Chunks
from shared.domain.events import ChunkReady
from shared.host.service import Kit, Service, silence_of
from shared.log.policy import PoolPolicy
from shared.log.stage import per_record
from shared.models.base import BatchModel, Model
from shared.models.open import provider_of
from shared.resilience.retry import RetryPolicy
from shared.store.batches import StoreLedger

AHEAD = 45
"""Records in flight beyond the model calls: being looked up, published, or next in line."""
AHEAD_OF_REPLAYS = 5
"""The same of replays, beyond the calls and as many that are next: behind live work they wait long, while
their deadline runs, and they are read though the replay was stopped meanwhile."""
GATHER_BYTES = 32 * 1024
"""Some seven chunks, as they lie compressed on the log."""
DEADLINE = 3600.0
"""Seconds for a record, its turn in line included."""
GRACE = 2.0
"""Seconds that a shutdown or a rebalance waits for batches: they go on at the provider, and are taken up."""
BATCH_DEADLINE = 26 * 3600.0
"""The same by message batches, whose results come within 24 hours."""
OF_REPLAYS = MOST - MOST // 4
"""Chunks of replays in batches at a time: a place lasts for hours, and live ones find some free."""


@asynccontextmanager
async def app(kit: Kit) -> AsyncIterator[Service]:
    """The service with the model of the settings, opened once."""
    # Patience 0: a provider that cannot be used holds the pool's own lane.
    async with kit.open_model(patience=0.0) as model:
        kit.metrics.models.watch(kit.name, model)
        if kit.settings.model_batch and isinstance(model, BatchModel):
            async with BatchDesk(model, StoreLedger(kit.store, provider_of(kit.settings))) as desk:
                yield batch_extractor(kit, model, desk)
        else:
            yield extractor(kit, model)


def extractor(kit: Kit, model: Model) -> Service:
    """At most FACT_EXTRACTION_CONCURRENCY model calls at a time. Replays have all of them while nothing else
    waits, but never all records in flight: a live one is in line for its call at once."""
    chunks = Chunks(kit, model)
    stage = per_record("extractor", ChunkReady, chunks.handle, on_dead=chunks.give_up)
    calls = kit.settings.fact_extraction_concurrency
    policy = PoolPolicy(
        ceiling=2 * calls + AHEAD,
        of_replays=2 * calls + AHEAD_OF_REPLAYS,
        gather_bytes=GATHER_BYTES,
        retry=RetryPolicy(deadline=DEADLINE),
    )
    return Service(stage, policy, trouble=lambda: silence_of(model))


def batch_extractor(kit: Kit, model: Model, desk: BatchDesk) -> Service:
    """Many chunks a message batch."""
    chunks = Chunks(kit, model, desk)
    stage = per_record("extractor", ChunkReady, chunks.handle, on_dead=chunks.give_up)
    retry = RetryPolicy(deadline=BATCH_DEADLINE)
    policy = PoolPolicy(
        ceiling=MOST,
        of_replays=OF_REPLAYS,
        run_ahead=2 * MOST,
        gather_bytes=GATHER_BYTES,
        revoke_grace=GRACE,
        retry=retry,
    )
    # A scout would hold the lane until its batch has ended: a small call tells as much.
    return Service(stage, policy, grace=GRACE, probe=chunks.works, trouble=lambda: silence_of(model))
