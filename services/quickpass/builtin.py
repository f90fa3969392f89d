"""First sections by ourselves: one reading of an export, one look of the model at its richest part."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict

import structlog

from services.quickpass.sampling import Sampling
from services.quickpass.slices import Slices
from shared.domain.events import Coverage, FactCounts, ImportReceived, MemoryReady
from shared.domain.runs import RunKey
from shared.domain.told import first_of
from shared.exports.beside import next_beside
from shared.exports.conversation import LargeAhead, Parsed
from shared.exports.export import Export, open_exports
from shared.exports.limits import read_limits
from shared.host.service import Kit
from shared.host.sources import fetched
from shared.host.sweeper import publish_kept
from shared.models.base import Digest, Model
from shared.store.runs import Reading

SAMPLE = 50
"""Most conversations that the sections are written from."""
SLICE = 0.005
"""Seconds of reading between two looks of the loop at everything else in the process."""
REPORT_SECONDS = 1.0
READING_PERCENT = 80.0
"""What of the progress is reading."""
STAGE = "sampling"

log = structlog.get_logger(__name__)


class RunEndedError(Exception):
    """The run has ended meanwhile: nobody wants what comes of it."""


class Builtin:
    """Writes first sections with one model, of several imports at a time."""

    def __init__(self, kit: Kit, model: Model) -> None:
        self._kit = kit
        self._model = model
        self._slices = Slices()

    async def work(self, event: ImportReceived) -> None:
        """Read, write, keep and publish: what is kept is never paid for again.

        Raises RunEndedError, SourceError, UnreadableExportError, and what the model, the database and the log
        raise."""
        kit, settings = self._kit, self._kit.settings
        sampling = Sampling(min(SAMPLE, settings.sample_size))
        async with self._reported(event) as reported:
            async with fetched(kit, event) as paths:
                with await asyncio.to_thread(open_exports, paths, read_limits(settings)) as export:
                    reported.append((export, sampling))
                    await self._read(export.conversations(), sampling)
            sampling.require_something(export.breaks)
            sections, usage = await self._model.sections(Digest(()), sampling.conversations())
        memory = MemoryReady(
            import_id=event.import_id,
            user_id=event.user_id,
            run=event.run,
            pipeline=settings.pipeline,
            memory_md=None,
            sections=sections,
            coverage=Coverage(ok=0, dead=0, total=0, breaks=len(export.breaks)),
            facts=FactCounts(),
            usage=kit.spent(usage),
        )
        counts = sampling.counts(export.format_names)
        breaks = [asdict(each) for each in export.breaks]
        if not await kit.store.keep_sections(*_key(event), memory, counts, breaks):
            raise RunEndedError
        await publish_kept(kit, _key(event))
        log.info("sections published", stage=kit.name, conversations=sampling.kept, **event.ids)

    async def _read(self, conversations: Iterator[Parsed], sampling: Sampling) -> None:
        """To the end, in slices that others of this process come between."""
        spent = 0.0
        large = False
        async with self._slices.reading() as reader:
            while True:
                began = time.perf_counter()
                if large:  # what is large takes longer than a slice: beside the loop
                    parsed = await next_beside(conversations)
                else:
                    parsed = next(conversations, None)
                while parsed is not None:
                    if large := isinstance(parsed, LargeAhead):
                        break
                    sampling.take(parsed)
                    if time.perf_counter() - began > SLICE:
                        break
                    parsed = next(conversations, None)
                if parsed is None:
                    return
                spent += time.perf_counter() - began
                await reader.rest(spent)

    @asynccontextmanager
    async def _reported(self, event: ImportReceived) -> AsyncIterator[list[tuple[Export, Sampling]]]:
        """Tell how far the reading is that the block puts into the list, for as long as the block lasts; that
        also shows the sweeper that somebody works on the run. The block is ended by RunEndedError where the
        run is."""
        readings: list[tuple[Export, Sampling]] = []
        try:
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(self._tell(event, readings))
                yield readings
                telling.cancel()
        except BaseExceptionGroup as error:
            raise first_of(error) from None

    async def _tell(self, event: ImportReceived, readings: list[tuple[Export, Sampling]]) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            for export, sampling in readings:
                share = min(1.0, export.bytes_read / export.bytes_total) if export.bytes_total else 1.0
                reading = Reading(
                    bytes_read=export.bytes_read, bytes_total=export.bytes_total, conversations=sampling.seen
                )
                percent = READING_PERCENT * share
                if not await self._kit.store.update_progress(*_key(event), percent, STAGE, reading):
                    raise RunEndedError


def _key(event: ImportReceived) -> RunKey:
    return RunKey(event.import_id, event.run)
