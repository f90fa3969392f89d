"""A run of a replay whose reading was taken over: its chunks without a result are published anew, and nothing
else is done."""

from __future__ import annotations

from contextlib import aclosing
from itertools import islice

import structlog

from services.chunker.chunking import STAGE, ChunkingJob
from services.chunker.configured import policy_of
from services.chunker.contents import PAGE, ChangedSourceError, Contents
from services.chunker.kept import Bounds, KeptChunks, TooMuch
from services.chunker.passages import Passage
from services.chunker.reading import chunk_paths
from services.chunker.report import ChunkingReport
from services.chunker.sending import CHUNKING_PERCENT, Sending
from shared.domain.errors import BrokenExportError, SoulprintError, SourceError, UnreadableExportError
from shared.domain.events import ChunkReady, ImportReceived
from shared.domain.ids import stage_id
from shared.domain.runs import RunKey
from shared.exports.limits import read_limits
from shared.exports.readers import Readers
from shared.host.service import Kit
from shared.host.sources import fetched
from shared.log.ports import LogUnavailableError
from shared.resilience.faults import TransientError
from shared.store.driving import ChunkRanges, ReplayOf
from shared.store.runs import NOT_READ

RECORDS_A_CHUNK = 20
"""Records of others that are read on the log for a chunk of the run, rather than its source."""
FEW_RECORDS = 5000
"""As many are read for any run: what a request to storage takes, some 0.2 s."""
AT_ANY_PRICE = Bounds(2**63, seconds=900.0, margin_ms=3_600_000)
"""Where the source is gone, and there is no other way."""
STEP = "chunking"

log = structlog.get_logger(__name__)


class AnewSink(Sending):
    """Publishes the chunks that have no result, each once, wherever its text comes from. From a source they
    come in order, all of them, and must be those that the base had: the last one is held back until all were
    seen to be, since with it the run may be complete."""

    def __init__(
        self,
        kit: Kit,
        job: ChunkingJob,
        recorded: ChunkRanges,
        patience: float,
        total: int,
        contents: Contents,
    ) -> None:
        super().__init__(kit, job, recorded, patience)
        self._total = total
        self._contents = contents
        self._found = bytearray(total)
        self._held: ChunkReady | None = None
        self.left = total - recorded.count
        """Chunks that were not had yet."""

    def _wants(self, index: int) -> bool:
        return index < self._total and not self._found[index] and index not in self.recorded

    def _take(self, index: int) -> None:
        self._found[index] = True
        self.left -= 1

    async def offer(self, chunks: list[ChunkReady]) -> None:
        """Publish those of an earlier run's chunks that are wanted, and are what the base had."""
        wanted = iter(chunk for chunk in chunks if self._wants(chunk.index))
        while some := list(islice(wanted, PAGE)):
            known = await self._contents.of({chunk.index for chunk in some})
            for chunk in some:
                held = known.get(chunk.index, chunk.content_hash)
                if self._wants(chunk.index) and held == chunk.content_hash:
                    self._take(chunk.index)
                    await self.send(self._anew(chunk))

    def _anew(self, chunk: ChunkReady) -> ChunkReady:
        job = self.job
        return chunk.model_copy(
            update={
                "run": job.run,
                "chunk_id": stage_id(job.import_id, job.pipeline, job.run, STAGE, chunk.index),
                "total": self._total if chunk.index == self._total - 1 else None,
                "priority": job.priority,
            }
        )

    async def save_passages(self, passages: list[Passage]) -> None:
        """See ChunkSink: they are the base's."""

    async def publish(self, chunk: ChunkReady) -> None:
        """See ChunkSink. Raises ChangedSourceError."""
        await self._contents.require(chunk)
        if not self._wants(chunk.index):
            return
        held, self._held = self._held, chunk
        if held is not None:
            await self._send_held(held)

    async def source_read(self, report: ChunkingReport) -> None:
        """The source was read to its end. Raises ChangedSourceError."""
        if report.chunks != self._total:
            raise ChangedSourceError(
                self._contents.run.run, f"it makes {report.chunks} chunks, and made {self._total}"
            )
        if self._held is not None:
            await self._send_held(self._held)

    async def _send_held(self, chunk: ChunkReady) -> None:
        self._take(chunk.index)
        await self.send(chunk)

    async def tell_progress(self) -> None:
        """See Sending."""
        share = min(1.0, self.window.done / max(1, self._total))
        await self.kit.store.update_progress(*self.key, CHUNKING_PERCENT * share, "extracting", NOT_READ)


class Anew:
    """One such run."""

    def __init__(
        self, kit: Kit, readers: Readers, event: ImportReceived, replay: ReplayOf, variant: str
    ) -> None:
        self._kit = kit
        self._readers = readers
        self._event = event
        self._replay = replay
        self._variant = variant
        pipeline = kit.settings.pipeline
        self._job = ChunkingJob(event.import_id, event.user_id, event.run, pipeline, event.priority)

    async def publish(self, patience: float) -> None:
        """Publish what is missing, from the log where that is cheap, else from the source, else from the log
        at any price. Raises SourceError where no text is left, and what Sending raises."""
        event, total = self._event, self._replay.total or 0
        recorded = await self._kit.store.recorded_chunks(event.import_id, event.run)
        contents = Contents(self._kit.store, RunKey(event.import_id, self._replay.base_run))
        async with AnewSink(self._kit, self._job, recorded, patience, total, contents) as sink:
            wanted = sink.left
            why_not = await self._from_log(sink, Bounds(FEW_RECORDS + RECORDS_A_CHUNK * total))
            on_log = wanted - sink.left
            if sink.left:
                try:
                    await self._from_source(sink)
                except (SourceError, UnreadableExportError, BrokenExportError) as gone:
                    if not isinstance(gone, ChangedSourceError):
                        why_not = await self._from_log(sink, AT_ANY_PRICE)
                    if sink.left:
                        raise self._given_up(sink.left, gone, why_not) from None
        log.info("chunks published anew", stage=STEP, chunks=wanted, from_log=on_log, **event.ids)

    def _given_up(self, left: int, gone: SoulprintError, why_not: Exception | None) -> Exception:
        if isinstance(gone, ChangedSourceError):
            return gone
        if isinstance(why_not, LogUnavailableError):  # they may be there
            return TransientError(f"neither the log nor the source can be read: {why_not}")
        said = f"of {left} chunks no text is on the log any more, and the source cannot be read: {gone}"
        return type(gone)(said) if isinstance(gone, SourceError) else SourceError(said)

    async def _from_log(self, sink: AnewSink, bounds: Bounds) -> Exception | None:
        """Publish what is on the log; why not all of it was looked at."""
        event = self._event
        kept = KeptChunks(self._kit.reading, event.import_id, event.user_id, bounds)
        try:
            async with aclosing(kept.read(self._replay.written)) as batches:
                async for chunks in batches:
                    await sink.offer(chunks)
                    if not sink.left:
                        break
        except (TooMuch, LogUnavailableError) as why:
            log.info("the log is not read for chunks", stage=STEP, reason=type(why).__name__, **event.ids)
            return why
        return None

    async def _from_source(self, sink: AnewSink) -> None:
        settings, report = self._kit.settings, ChunkingReport()
        async with fetched(self._kit, self._event) as paths:
            policy = policy_of(self._variant, settings)
            await chunk_paths(self._readers, paths, read_limits(settings), self._job, policy, sink, report)
        await sink.source_read(report)
