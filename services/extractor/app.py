"""The extractor on the log: chunks.ready in, facts.extracted out. Run as many as there is work for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from services.extractor.batching import MOST, BatchDesk
from services.extractor.extractor import concluded, extract, recall
from services.extractor.lookups import Lookups
from shared.events import ChunkReady, FactsExtracted
from shared.log.faults import PoisonError, RetryPolicy
from shared.log.policy import PoolPolicy
from shared.log.stage import Received, per_record
from shared.log.subscriber import SubscriberPolicy
from shared.log.turns import Gate
from shared.models.base import BatchModel, Metered, Model
from shared.models.choose import provider_of
from shared.models.opening import opened_model
from shared.serving.service import NO_RUN, Kit, Service, dead, no_such_run, what_happened
from shared.store.ledger import StoreLedger
from shared.topics import CHUNKS_READY, FACTS_EXTRACTED

AHEAD = 13
"""Records in flight beyond the model calls: being looked up, published, or next in line."""
DEADLINE = 3600.0
"""Seconds for a record, its turn in line included."""
GRACE = 2.0
"""Seconds that a shutdown or a rebalance waits for batches: they go on at the provider, and are taken up."""
BATCH_DEADLINE = 26 * 3600.0
"""The same by message batches, whose results come within 24 hours."""


@asynccontextmanager
async def app(kit: Kit) -> AsyncIterator[Service]:
    """The service with the model of the settings, opened once."""
    # Patience 0: a provider that cannot be used holds the pool's own lane.
    async with opened_model(kit.settings, patience=0.0) as model:
        kit.metrics.models.watch(kit.name, model)
        if kit.settings.model_batch and isinstance(model, BatchModel):
            desk = BatchDesk(model, StoreLedger(kit.store, provider_of(kit.settings)))
            try:
                yield extractor(kit, model, desk)
            finally:
                await desk.close()
        else:
            yield extractor(kit, model)


def extractor(kit: Kit, model: Model, desk: BatchDesk | None = None) -> Service:
    """At most FACT_EXTRACTION_CONCURRENCY model calls at a time; with a desk, many chunks a batch instead."""
    concurrency = kit.settings.fact_extraction_concurrency
    lookups = Lookups(lambda chunks: kit.store.look_up_chunks(chunks, model.name, model.prompt_version))
    calls = Gate(concurrency)

    async def read(received: Received[ChunkReady]) -> None:
        chunk = received.event
        found = await lookups.of(chunk)
        if found.refusal == "unknown":
            raise no_such_run(chunk)
        if found.refusal is not None:
            kit.ignore(chunk, found.refusal)
            return
        results, unread = await recall([chunk], found, model)
        if desk is not None:
            await by_batch(unread, desk)
            unread = []
        for one in unread:
            async with calls.place(one.import_id):
                results.append(await extract(one, model))
        for result in results:
            await publish(result)

    async def by_batch(unread: Sequence[ChunkReady], desk: BatchDesk) -> None:
        for one in unread:
            own = any(message.role == "user" for message in one.messages)
            await publish(concluded(one, await desk.read(one)) if own else await extract(one, model))
            desk.stored(one.content_hash)

    async def answers() -> None:
        await kit.database_answers()
        if isinstance(model, Metered):
            await model.answers()

    async def give_up(received: Received[ChunkReady] | None, error: Exception) -> None:
        """A dead chunk still is a result, so that its import ends."""
        if received is not None and not (isinstance(error, PoisonError) and error.reason == NO_RUN):
            await publish(dead(received.event, what_happened(error)))

    async def publish(result: FactsExtracted) -> None:
        named = {"model": model.name, "prompt_version": model.prompt_version}
        await kit.publish(FACTS_EXTRACTED, result.import_id, result.model_copy(update=named))

    stage = per_record("extractor", ChunkReady, read, on_dead=give_up)
    if desk is not None:
        # A scout would hold the lane until its batch has ended: a small call tells as much.
        policy = PoolPolicy(
            ceiling=MOST,
            run_ahead=2 * MOST,
            revoke_grace=GRACE,
            retry=RetryPolicy(deadline=BATCH_DEADLINE),
        )
        return Service(
            kit.topic(CHUNKS_READY), stage, policy, subscriber=SubscriberPolicy(drain=GRACE), probe=answers
        )
    policy = PoolPolicy(ceiling=2 * concurrency + AHEAD, retry=RetryPolicy(deadline=DEADLINE))
    return Service(kit.topic(CHUNKS_READY), stage, policy)
