"""One import on the log: its source fetched, its run taken, its chunks published, its end told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import structlog

from services.chunker.anew import Anew
from services.chunker.chunking import ChunkingJob
from services.chunker.configured import policy_of, require_something_read, variant_of
from services.chunker.contents import Contents
from services.chunker.reading import chunk_paths
from services.chunker.report import ChunkingReport
from services.chunker.sink import LogSink
from services.chunker.window import RunEndedError, StalledError
from shared.domain.errors import BrokenExportError, ClosedSourceError, SourceError, UnreadableExportError
from shared.domain.events import ImportReceived
from shared.domain.runs import RunKey, RunKind
from shared.exports.limits import read_limits
from shared.exports.readers import Readers, once_more
from shared.host.begins import Begins, is_not_ours
from shared.host.service import Kit
from shared.host.sources import Singly, fetched
from shared.store.driving import Taken

STEP = "chunking"
LONGEST_PATIENCE = 3600.0
"""Seconds: the longest wait before the chunks of a run that does not move go out again."""
READ_WHOLE = "extracting"
"""The state of a run whose export was read to its end: every passage is stored, the number of chunks told."""

log = structlog.get_logger(__name__)


class Imports:
    """Imports that this process chunks."""

    def __init__(self, kit: Kit, readers: Readers) -> None:
        self._kit = kit
        self._readers = readers
        self._begins = Begins(kit)
        self._singly = Singly()

    async def handle(self, event: ImportReceived) -> None:
        """Chunk an import; return when all of it is published. An export that cannot be read ends its run as
        failed. An event that comes twice waits for the first to end, and then finds nothing to do."""
        key = RunKey(event.import_id, event.run)
        async with self._singly.on(key):
            await self._import(event, key)

    async def give_up(self, event: ImportReceived | None, error: Exception) -> None:
        """A dead import ends as failed, unless the event was none of its own."""
        if event is None or is_not_ours(error):
            return
        await self._kit.end_failed(event, step=STEP, error=error)

    async def _import(self, event: ImportReceived, key: RunKey) -> None:
        kit = self._kit
        try:
            async with self._begins.taken(event, variant_of(kit.settings)) as taken:
                if taken.refusal is not None:
                    kit.ignore(event, taken.refusal)
                    return
                await self._publish(event, taken)
        except (SourceError, UnreadableExportError, BrokenExportError) as error:
            log.error("import failed", step=STEP, error=str(error), **event.ids)
            at_fault = not isinstance(error, ClosedSourceError)
            await kit.store.fail_run(*key, step=STEP, error=str(error), at_fault=at_fault)
        except RunEndedError as ended:
            kit.ignore(event, ended.state)

    async def _publish(self, event: ImportReceived, taken: Taken) -> None:
        kit, replay = self._kit, taken.replay
        if replay is not None and replay.same_chunks and replay.total is not None:
            again = Anew(kit, self._readers, event, replay, taken.variant)
            await self._until_published(event, again.publish)
        else:
            async with fetched(kit, event) as paths:
                await self._until_published(event, partial(self._chunk, event, paths, taken))

    async def _until_published(
        self, event: ImportReceived, chunk: Callable[[float], Awaitable[None]]
    ) -> None:
        """Chunk; again, where the window stays full because published chunks were lost."""
        patience = self._kit.settings.patience_with_runs
        while True:
            try:
                await once_more(partial(chunk, patience), event.ids)
                return
            except StalledError as stalled:
                log.warning("chunking again", reason=str(stalled), **event.ids)
                patience = min(LONGEST_PATIENCE, patience * 2)

    async def _chunk(self, event: ImportReceived, paths: list[Path], taken: Taken, patience: float) -> None:
        kit = self._kit
        settings = kit.settings
        job = ChunkingJob(event.import_id, event.user_id, event.run, settings.pipeline, event.priority)
        seen = await kit.store.watch_run(event.import_id, event.run)
        recorded = await kit.store.recorded_chunks(event.import_id, event.run)
        contents = None
        if taken.replay is not None and taken.replay.same_chunks:
            contents = Contents(kit.store, RunKey(event.import_id, taken.replay.base_run))
        report = ChunkingReport()
        read_whole = seen is not None and seen.state == READ_WHOLE
        async with LogSink(
            kit,
            job,
            report,
            recorded,
            patience,
            contents=contents,
            read_whole=read_whole,
            shadow=taken.kind is RunKind.SHADOW,
        ) as sink:
            policy = policy_of(taken.variant, settings)
            await chunk_paths(self._readers, paths, read_limits(settings), job, policy, sink, report)
            require_something_read(report)
            if report.chunks == 0:
                await sink.finish()
        log.info(
            "chunked",
            stage=STEP,
            chunks=report.chunks,
            **event.ids,
        )
