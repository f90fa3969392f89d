"""First sections by ourselves: one reading of an export, one look of the model at its richest part."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import structlog
from pydantic import TypeAdapter

from services.quickpass.sampling import Sampled
from shared.domain.discreet import adapter_of
from shared.domain.events import Coverage, FactCounts, ImportReceived, MemoryReady
from shared.domain.runs import RunKey
from shared.domain.told import first_of
from shared.exports.limits import read_limits
from shared.exports.readers import Readers, once_more
from shared.host.service import Kit
from shared.host.sources import fetched
from shared.host.sweeper import publish_kept
from shared.models.base import Digest, Model
from shared.store.runs import Reading

SAMPLE = 50
"""Most conversations that the sections are written from."""
REPORT_SECONDS = 1.0
READING_PERCENT = 80.0
"""What of the progress is reading."""
STAGE = "sampling"
TASK = "services.quickpass.reading_task"
_SAMPLED: TypeAdapter[Sampled] = adapter_of(Sampled)

log = structlog.get_logger(__name__)


class RunEndedError(Exception):
    """The run has ended meanwhile: nobody wants what comes of it."""


class Builtin:
    """Writes first sections with one model, of several imports at a time."""

    def __init__(self, kit: Kit, readers: Readers, model: Model) -> None:
        self._kit = kit
        self._model = model
        self._readers = readers

    async def work(self, event: ImportReceived) -> None:
        """Read, write, keep and publish: what is kept is never paid for again.

        Raises RunEndedError, SourceError, UnreadableExportError, and what the model, the database and the log
        raise."""
        kit, settings = self._kit, self._kit.settings
        async with self._reported(event) as far:
            async with fetched(kit, event) as paths:
                sampled = await once_more(partial(self._sampled, paths, far), event.ids)
            sections, usage = await self._model.sections(Digest(()), sampled.conversations)
        memory = MemoryReady(
            import_id=event.import_id,
            user_id=event.user_id,
            run=event.run,
            pipeline=settings.pipeline,
            memory_md=None,
            sections=sections,
            coverage=Coverage(ok=0, dead=0, total=0, breaks=len(sampled.breaks)),
            facts=FactCounts(),
            usage=kit.spent(usage),
        )
        breaks = [asdict(each) for each in sampled.breaks]
        if not await kit.store.keep_sections(*_key(event), memory, sampled.counts, breaks):
            raise RunEndedError
        await publish_kept(kit, _key(event))
        log.info("sections published", stage=kit.name, conversations=sampled.kept, **event.ids)

    async def _sampled(self, paths: Sequence[Path], far: deque[Sequence[int]]) -> Sampled:
        settings = self._kit.settings
        size = {"size": min(SAMPLE, settings.sample_size)}
        async with self._readers.reading(paths, read_limits(settings), size, far.append) as reading:
            async for value in reading.values():
                far.append(value)
            return _SAMPLED.validate_python(reading.answer)

    @asynccontextmanager
    async def _reported(self, event: ImportReceived) -> AsyncIterator[deque[Sequence[int]]]:
        """Tell how far the reading is, as the block puts it there last, for as long as the block lasts; that
        also shows the sweeper that somebody works on the run. The block is ended by RunEndedError where the
        run is."""
        far: deque[Sequence[int]] = deque([(0, 0, 0)], maxlen=1)
        try:
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(self._tell(event, far))
                yield far
                telling.cancel()
        except BaseExceptionGroup as error:
            raise first_of(error) from None

    async def _tell(self, event: ImportReceived, far: deque[Sequence[int]]) -> None:
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            for read, total, seen in far:
                share = min(1.0, read / total) if total else 0.0
                reading = Reading(bytes_read=read, bytes_total=total, conversations=seen)
                percent = READING_PERCENT * share
                if not await self._kit.store.update_progress(*_key(event), percent, STAGE, reading):
                    raise RunEndedError


def _key(event: ImportReceived) -> RunKey:
    return RunKey(event.import_id, event.run)
