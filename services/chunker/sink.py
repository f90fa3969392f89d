"""Where the chunker's work goes on the log: passages to the database, chunks to the extractors."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from services.chunker.chunking import ChunkingJob
from services.chunker.configured import chunking_of
from services.chunker.contents import Contents
from services.chunker.passages import Passage
from services.chunker.report import ChunkingReport
from services.chunker.sending import CHUNKING_PERCENT, Sending
from services.chunker.window import RunEndedError
from shared.domain.events import ChunkReady
from shared.host.service import Kit
from shared.store.driving import ChunkRanges
from shared.store.runs import Reading

SAVES = 2
"""Most batches of passages on their way to the database at a time: one in it, the next one ready."""


class LogSink(Sending):
    """A chunker's sink for one run. When its block ends well, everything is acknowledged and stored.

    Chunks that are recorded already are not published again; where an earlier reading came to its end
    (`read_whole`), that is all: stored again, a conversation's earlier version would stand in the place of
    its later one until that is read, for good if the run ends before. Of a `shadow` run no passage is stored
    or forgotten: they belong to the run beside which it is. With `contents` the chunks must be those of an
    earlier run. Raises ChangedSourceError if they are not, and what Sending raises.
    """

    def __init__(
        self,
        kit: Kit,
        job: ChunkingJob,
        report: ChunkingReport,
        recorded: ChunkRanges,
        patience: float,
        *,
        contents: Contents | None = None,
        read_whole: bool = False,
        shadow: bool = False,
    ) -> None:
        super().__init__(kit, job, recorded, patience)
        self._report = report
        self._contents = contents
        self._read_whole = read_whole
        self._shadow = shadow
        self._saves = asyncio.Semaphore(SAVES)
        self._in_order = asyncio.Lock()
        self._saving: set[asyncio.Task[None]] = set()

    async def save_passages(self, passages: list[Passage]) -> None:
        """See ChunkSink."""
        if self._read_whole or self._shadow:
            return
        await self._saves.acquire()
        task = self.group.create_task(self._save(passages))
        self._saving.add(task)
        task.add_done_callback(self._saving.discard)

    async def publish(self, chunk: ChunkReady) -> None:
        """See ChunkSink. The run's total is known to the store before its last chunk goes out, so that
        whichever result comes in last finds the run complete."""
        if self._contents is not None:
            await self._contents.require(chunk)
        if chunk.total is not None and not self._read_whole:
            await self.finish()
        if chunk.index not in self.recorded:
            await self.send(chunk)

    async def finish(self) -> None:
        """Say how many chunks there are and what the reading found."""
        if self._saving:
            await asyncio.wait(self._saving)
        report = self._report
        await self.tell_progress()
        chunking = chunking_of(report, self.job.user_id)
        if self._shadow:
            chunking = replace(chunking, forgotten=())
        finished = await self.kit.store.finish_chunking(*self.key, chunking)
        if finished.ignored is not None:
            raise RunEndedError(finished.ignored)

    async def _save(self, passages: list[Passage]) -> None:
        try:
            async with self._in_order:  # a later version of a conversation must come after the one it voids
                await self.kit.store.save_chunks_batch(self.job.user_id, passages, of_run=self.key)
        finally:
            self._saves.release()

    async def tell_progress(self) -> None:
        """See Sending."""
        report = self._report
        share = 0.0
        if report.chunks and report.bytes_total:
            read = min(1.0, report.bytes_read / report.bytes_total)
            share = read * min(1.0, self.window.done / report.chunks)
        reading = Reading(
            bytes_read=report.bytes_read, bytes_total=report.bytes_total, conversations=report.seen
        )
        await self.kit.store.update_progress(*self.key, CHUNKING_PERCENT * share, "chunking", reading)
