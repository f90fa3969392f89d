"""The in-process runner: the stages of the pipeline over bounded queues, for one export."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.chunker.source import Export
from services.consolidator.record import with_topics

from cli.progress import RunProgress
from cli.stages import Clock, Line
from services.chunker.chunker import ChunkingJob, chunk_conversations
from services.chunker.passages import Passage
from services.chunker.report import ChunkingReport, ChunkPolicy
from services.extractor.extractor import extract, recall
from shared.events import ChunkReady, FactsExtracted
from shared.models.base import Model
from shared.store.store import Store

CHUNKS_WAITING = 64
RESULTS_WAITING = 128
PASSAGE_BATCHES_WAITING = 2
RECALL_BATCH = 32
"""Most chunks one cache look-up asks for."""
RECORD_BATCH = 64
"""Most chunks one database call records."""


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
    report: ChunkingReport = field(default_factory=ChunkingReport)
    _passages: Line[list[Passage]] = field(default_factory=lambda: Line(PASSAGE_BATCHES_WAITING))
    _chunks: Line[ChunkReady] = field(default_factory=lambda: Line(CHUNKS_WAITING))
    _results: Line[FactsExtracted] = field(default_factory=lambda: Line(RESULTS_WAITING))

    async def process(self) -> None:
        """Read, store, extract and record everything; when it returns, the run's total is known.

        Raises the first error of any stage, after stopping the others; what was recorded stays.
        """
        self.progress.stage = "reading"
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._read())
                tasks.create_task(self._save_passages())
                tasks.create_task(self._extract())
                tasks.create_task(self._record())
        except BaseExceptionGroup as group:
            raise _first(group) from None

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

    async def _extract(self) -> None:
        slots = asyncio.Semaphore(self.extract_ceiling)
        async with asyncio.TaskGroup() as tasks:
            async for chunks in self._chunks.batches(RECALL_BATCH):
                with self.clock.time("cache look-ups"):
                    answered, unread = await recall(chunks, self.store, self.model)
                for result in answered:
                    await self._results.put(result)
                for chunk in unread:
                    await slots.acquire()
                    tasks.create_task(self._extract_one(chunk, slots))
        await self._results.end()

    async def _extract_one(self, chunk: ChunkReady, slots: asyncio.Semaphore) -> None:
        try:
            with self.clock.time("extracting"):
                result = await extract(chunk, self.model)
        finally:
            slots.release()
        await self._results.put(result)

    async def _record(self) -> None:
        async for results in self._results.batches(RECORD_BATCH):
            with self.clock.time("recording"):
                await self._record_batch(results)
            self.progress.chunks_done += len(results)
            self.progress.facts += sum(len(result.facts) for result in results)

    async def _record_batch(self, results: Sequence[FactsExtracted]) -> None:
        await self.store.record_chunks(
            with_topics(results), model=self.model.name, prompt_version=self.model.prompt_version
        )


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
