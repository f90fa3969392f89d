"""Where the chunker's work goes on the log: passages to the database, chunks to the extractors."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from types import TracebackType

from services.chunker.chunking import ChunkingJob
from services.chunker.configured import chunking_of
from services.chunker.passages import Passage
from services.chunker.report import ChunkingReport
from services.chunker.window import RunEndedError, Window
from shared.domain.errors import first_of
from shared.domain.events import ChunkReady
from shared.domain.runs import RunKey
from shared.exports.export import Export
from shared.host.service import Kit, dead
from shared.pipelines import CHUNKS_READY, FACTS_EXTRACTED
from shared.resilience.faults import PoisonError
from shared.store.driving import ChunkRanges
from shared.store.runs import Reading

PUBLISHES = 64
"""Most chunks on their way to Kafka at a time."""
SAVES = 2
"""Most batches of passages on their way to the database at a time: one in it, the next one ready."""
REPORT_SECONDS = 1.0
CHUNKING_PERCENT = 90.0
"""What of the progress is reading and extracting."""


class LogSink(AbstractAsyncContextManager["LogSink"]):
    """A chunker's sink for one run. When its block ends well, everything is acknowledged and stored.

    Chunks that are recorded already are not published again; where an earlier reading came to its end
    (`read_whole`), that is all: stored again, a conversation's earlier version would stand in the place of
    its later one until that is read, for good if the run ends before. Of a `shadow` run no passage is stored
    or forgotten: they belong to the run beside which it is. Raises RunEndedError, StalledError, and what the
    database and the log raise.
    """

    def __init__(
        self,
        kit: Kit,
        job: ChunkingJob,
        export: Export,
        report: ChunkingReport,
        recorded: ChunkRanges,
        patience: float,
        *,
        read_whole: bool = False,
        shadow: bool = False,
    ) -> None:
        self._kit = kit
        self._job = job
        self._key = key = RunKey(job.import_id, job.run)
        self._export = export
        self._report = report
        self._recorded = recorded
        self._read_whole = read_whole
        self._shadow = shadow
        self._window = Window(
            lambda: kit.store.watch_run(*key), kit.settings.window_of(job.priority), patience, recorded.count
        )
        self._group = asyncio.TaskGroup()
        self._publishes = asyncio.Semaphore(PUBLISHES)
        self._saves = asyncio.Semaphore(SAVES)
        self._in_order = asyncio.Lock()
        self._saving: set[asyncio.Task[None]] = set()
        self._reporter: asyncio.Task[None] | None = None

    async def __aenter__(self) -> LogSink:
        await self._group.__aenter__()
        self._reporter = self._group.create_task(self._show_progress())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reporter is not None:
            self._reporter.cancel()
        try:
            await self._group.__aexit__(kind, error, trace)
        except BaseExceptionGroup as group:
            raise first_of(group) from None

    async def save_passages(self, passages: list[Passage]) -> None:
        """See ChunkSink."""
        if self._read_whole or self._shadow:
            return
        await self._saves.acquire()
        task = self._group.create_task(self._save(passages))
        self._saving.add(task)
        task.add_done_callback(self._saving.discard)

    async def publish(self, chunk: ChunkReady) -> None:
        """See ChunkSink. The run's total is known to the store before its last chunk goes out, so that
        whichever result comes in last finds the run complete."""
        if chunk.total is not None and not self._read_whole:
            await self.finish()
        if chunk.index in self._recorded:
            return
        await self._window.admit(chunk.index)
        await self._publishes.acquire()
        self._group.create_task(self._send(chunk))

    async def finish(self) -> None:
        """Say how many chunks there are and what the reading found."""
        if self._saving:
            await asyncio.wait(self._saving)
        report = self._report
        await self._tell_progress()
        chunking = chunking_of(report, self._export, self._job.user_id)
        if self._shadow:
            chunking = replace(chunking, forgotten=())
        finished = await self._kit.store.finish_chunking(*self._key, chunking)
        if finished.ignored is not None:
            raise RunEndedError(finished.ignored)

    async def _save(self, passages: list[Passage]) -> None:
        try:
            async with self._in_order:  # a later version of a conversation must come after the one it voids
                await self._kit.store.save_chunks_batch(self._job.user_id, passages, of_run=self._key)
        finally:
            self._saves.release()

    async def _send(self, chunk: ChunkReady) -> None:
        try:
            await self._kit.publish(CHUNKS_READY, chunk.chunk_id, chunk)
        except PoisonError as error:  # too large for the log: dead, and its import still ends
            await self._kit.publish(FACTS_EXTRACTED, chunk.import_id, dead(chunk, str(error)))
        finally:
            self._publishes.release()

    async def _show_progress(self) -> None:
        """Tells how far the run is; that also shows the sweeper that somebody works on it."""
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            await self._window.look()
            await self._tell_progress()

    async def _tell_progress(self) -> None:
        report, export = self._report, self._export
        share = 0.0
        if report.chunks and export.bytes_total:
            read = min(1.0, export.bytes_read / export.bytes_total)
            share = read * min(1.0, self._window.done / report.chunks)
        reading = Reading(
            bytes_read=export.bytes_read, bytes_total=export.bytes_total, conversations=report.seen
        )
        await self._kit.store.update_progress(*self._key, CHUNKING_PERCENT * share, "chunking", reading)
