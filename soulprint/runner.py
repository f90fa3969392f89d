"""The in-process runner: the stages of the pipeline over bounded queues, for one export."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from services.chunker.chunking import ChunkingJob, chunk_conversations
from services.chunker.passages import Passage
from services.chunker.report import ChunkingReport, ChunkPolicy
from services.consolidator.record import with_topics
from services.extractor.extraction import concluded, extract, recall
from shared.domain.errors import CostLimitError, ModelUnavailableError, first_of
from shared.domain.events import ChunkReady, FactsExtracted
from shared.exports.export import Export
from shared.models.base import BatchModel, Model
from shared.models.ledger import BatchLedger
from shared.store.store import Store
from soulprint.progress import RunProgress
from soulprint.stages import Clock, Line

CHUNKS_WAITING = 64
RESULTS_WAITING = 128
PASSAGE_BATCHES_WAITING = 2
RECALL_BATCH = 32
"""Most chunks one cache look-up asks for."""
RECORD_BATCH = 64
"""Most chunks one database call records."""
BATCH_GROUP = 2500
"""Most chunks that wait for Message Batches at a time; they are held in memory, some 20 KB each."""


@dataclass(slots=True)
class Pipeline:
    """One run of one export through chunker, extractor and recording. `process` may be called once."""

    job: ChunkingJob
    export: Export
    store: Store
    model: Model
    policy: ChunkPolicy
    extract_ceiling: int
    """Most chunks being read by the model at a time."""
    progress: RunProgress
    clock: Clock
    ledger: BatchLedger | None = None
    """Where batches are remembered; None: each chunk is read by a call of its own."""
    dead: frozenset[int] = frozenset()
    """Chunks that an interrupted command recorded as dead."""
    report: ChunkingReport = field(default_factory=ChunkingReport)
    _passages: Line[list[Passage]] = field(default_factory=lambda: Line(PASSAGE_BATCHES_WAITING))
    _chunks: Line[ChunkReady] = field(default_factory=lambda: Line(CHUNKS_WAITING))
    _results: Line[FactsExtracted] = field(default_factory=lambda: Line(RESULTS_WAITING))
    _handed_on: int = 0
    """Results on their way to the database, or there."""
    _recorded: asyncio.Condition = field(default_factory=asyncio.Condition)
    _stopped: CostLimitError | ModelUnavailableError | None = None
    """Why the model may not be called any more."""

    async def process(self) -> None:
        """Read, store, extract and record everything; when it returns, the run's total is known.

        Raises the first error of any stage, after stopping the others; what was recorded stays. Where the
        model cannot or may not be called any more, what it has answered is recorded first.
        """
        self.progress.stage = "reading"
        try:
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(self._read())
                tasks.create_task(self._save_passages())
                tasks.create_task(self._extract(reading))
                tasks.create_task(self._record())
        except BaseExceptionGroup as group:
            raise first_of(group) from None
        if self._stopped is not None:
            raise self._stopped

    async def save_passages(self, passages: list[Passage]) -> None:
        """The chunker's sink."""
        await self._passages.put(passages)

    async def publish(self, chunk: ChunkReady) -> None:
        """The chunker's sink."""
        self.progress.chunks += 1
        await self._chunks.put(chunk)

    def refresh(self) -> None:
        """Bring the progress up to date with the reader."""
        self.progress.bytes_read = self.export.bytes_read
        self.progress.conversations = self.report.seen

    async def _read(self) -> None:
        with self.clock.time("reading"):
            await chunk_conversations(self.export.conversations(), self.job, self.policy, self, self.report)
        self.refresh()
        self.progress.stage = "extracting"
        await self._passages.end()
        await self._chunks.end()

    async def _save_passages(self) -> None:
        async for batches in self._passages.batches(1):
            with self.clock.time("storing passages"):
                await self.store.save_chunks_batch(self.job.user_id, batches[0])

    async def _extract(self, reading: asyncio.Task[None]) -> None:
        if self.ledger is not None and isinstance(self.model, BatchModel):
            await self._extract_by_batches(self.model, self.ledger)
        else:
            await self._extract_one_by_one()
        if self._stopped is not None and not reading.done():
            reading.cancel()
            await asyncio.wait([reading])
            await self._passages.end()
        await self._results.end()

    async def _extract_one_by_one(self) -> None:
        slots = asyncio.Semaphore(self.extract_ceiling)
        async with asyncio.TaskGroup() as tasks:
            async for chunks in self._chunks.batches(RECALL_BATCH):
                for chunk in await self._unread(chunks):
                    await slots.acquire()
                    if self._stopped is not None:
                        return
                    tasks.create_task(self._extract_one(chunk, slots))

    async def _extract_one(self, chunk: ChunkReady, slots: asyncio.Semaphore) -> None:
        try:
            with self.clock.time("extracting"):
                result = await extract(chunk, self.model)
        except (CostLimitError, ModelUnavailableError) as error:
            self._stopped = self._stopped or error
            return
        finally:
            slots.release()
        await self._hand_on(result)

    async def _extract_by_batches(self, model: BatchModel, ledger: BatchLedger) -> None:
        group: list[ChunkReady] = []
        async for chunks in self._chunks.batches(RECALL_BATCH):
            group += await self._unread(chunks)
            if len(group) >= BATCH_GROUP:
                await self._extract_group(group, model, ledger)
                group = []
            if self._stopped is not None:
                return
        await self._extract_group(group, model, ledger)

    async def _extract_group(self, group: list[ChunkReady], model: BatchModel, ledger: BatchLedger) -> None:
        """Read a group of chunks by batches, which are forgotten once all they gave is recorded."""
        hashes = list({chunk.content_hash for chunk in group})
        open_batches = await ledger.holding(self.model.name, self.model.prompt_version, hashes)
        told = {each for batch in open_batches for each in batch.hashes if not batch.sending}
        # What is dead and still in an open batch is that batch's answer: it was recorded before a kill.
        left = [chunk for chunk in group if chunk.index not in self.dead or chunk.content_hash not in told]
        self.progress.chunks_done += len(group) - len(left)
        self._handed_on += len(group) - len(left)
        try:
            with self.clock.time("extracting"):
                async with aclosing(model.extract_batch(left, ledger)) as answers:
                    async for chunk, answer in answers:
                        await self._hand_on(concluded(chunk, answer))
        except (CostLimitError, ModelUnavailableError) as error:
            self._stopped = error
            return
        async with self._recorded:
            await self._recorded.wait_for(lambda: self.progress.chunks_done == self._handed_on)
        await ledger.stored(hashes)

    async def _unread(self, chunks: Sequence[ChunkReady]) -> list[ChunkReady]:
        """Those of `chunks` that the cache does not answer; the others are handed on."""
        with self.clock.time("cache look-ups"):
            answered, unread = await recall(chunks, self.store, self.model)
        for result in answered:
            await self._hand_on(result)
        return unread

    async def _hand_on(self, result: FactsExtracted) -> None:
        self._handed_on += 1
        await self._results.put(result)

    async def _record(self) -> None:
        async for results in self._results.batches(RECORD_BATCH):
            with self.clock.time("recording"):
                await self._record_batch(results)
            self.progress.facts += sum(len(result.facts) for result in results)
            async with self._recorded:
                self.progress.chunks_done += len(results)
                self._recorded.notify_all()

    async def _record_batch(self, results: Sequence[FactsExtracted]) -> None:
        await self.store.record_chunks(
            with_topics(results), model=self.model.name, prompt_version=self.model.prompt_version
        )
