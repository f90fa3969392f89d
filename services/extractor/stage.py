"""What the extractor does with a record: look it up, have it read, publish what was found."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from services.extractor.batch_desk import BatchDesk
from services.extractor.extraction import concluded, extract, recalled
from services.extractor.lookups import Lookups
from shared.domain.events import ChunkReady, FactsExtracted
from shared.domain.told import told
from shared.host.service import NO_RUN, Kit, dead, no_such_run
from shared.log.gate import Gate
from shared.log.units import standing_still
from shared.models.base import Metered, Model
from shared.pipelines import FACTS_EXTRACTED
from shared.resilience.faults import PoisonError
from shared.store.driving import LookUp

STALE_SECONDS = 30.0
"""A chunk that waited longer for its call is looked up once more: its run may have been cancelled, or its
replay stopped, and others read the same."""


class Chunks:
    """Answers chunks by single calls, people and their imports taking turns for them, live ones before
    replays; with a desk, by message batches."""

    def __init__(self, kit: Kit, model: Model, desk: BatchDesk | None = None) -> None:
        self._kit = kit
        self._model = model
        self._desk = desk
        self._calls = Gate(kit.settings.fact_extraction_concurrency)
        self._lookups = Lookups(self._ask)

    async def handle(self, chunk: ChunkReady) -> None:
        """Return when the chunk's result is on the log, or nobody wants it any more."""
        if not await self._is_answered(chunk):
            await self._read(chunk)

    async def _is_answered(self, chunk: ChunkReady) -> bool:
        """Whether nothing need be read: nobody wants it any more, or it was read before."""
        found = await self._lookups.of(chunk)
        if found.refusal == "unknown":
            raise no_such_run(chunk)
        if found.refusal is not None:
            self._kit.ignore(chunk, found.refusal)
        elif found.known is not None:
            await self._publish(recalled(chunk, found.known, self._model))
        else:
            return False
        return True

    async def _read(self, chunk: ChunkReady) -> None:
        if self._desk is not None and chunk.has_own_words:
            await self._publish(concluded(chunk, await self._desk.read(chunk), self._model))
            self._desk.stored(chunk.content_hash)
            return
        replay, began = chunk.priority == "replay", time.monotonic()
        async with AsyncExitStack() as place:
            with standing_still():
                await place.enter_async_context(
                    self._calls.place(chunk.user_id, chunk.import_id, replay=replay)
                )
            if time.monotonic() - began > STALE_SECONDS and await self._is_answered(chunk):
                return
            result = await extract(chunk, self._model)
        await self._publish(result)

    async def give_up(self, chunk: ChunkReady | None, error: Exception) -> None:
        """A dead chunk still is a result, so that its import ends."""
        if chunk is not None and not (isinstance(error, PoisonError) and error.reason == NO_RUN):
            await self._publish(dead(chunk, told(error)))

    async def works(self) -> None:
        """Raises what the database or the model's provider raises while it does not answer."""
        await self._kit.database_answers()
        if isinstance(self._model, Metered):
            await self._model.answers()

    async def _ask(self, chunks: Sequence[ChunkReady]) -> LookUp:
        return await self._kit.store.look_up_chunks(chunks, self._model.name, self._model.prompt_version)

    async def _publish(self, result: FactsExtracted) -> None:
        named = {"model": self._model.name, "prompt_version": self._model.prompt_version}
        await self._kit.publish(FACTS_EXTRACTED, result.import_id, result.model_copy(update=named))
