"""Chunks of earlier runs that lie on the log still, found by whose they say they are."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import structlog

from services.chunker.chunking import STAGE
from shared.domain.events import ChunkReady
from shared.domain.ids import stage_id
from shared.log.reading import RawRecord, Reading, Span
from shared.pipelines import CHUNKS_READY, topic
from shared.resilience.faults import PoisonError
from shared.store.driving import WrittenRun

log = structlog.get_logger(__name__)


class TooMuch(Exception):  # noqa: N818 - a bound, not a fault
    """To find the chunks on the log, more of it would have to be read than is allowed."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of the log is read."""

    records: int
    seconds: float = float("inf")
    margin_ms: int = 10_000
    """How much the clocks of who wrote the records, and of the database that noted when, may differ: each
    second more is read of everybody's."""


class KeptChunks:
    """Reads the chunks of one import that `written` runs put on the log.

    A record counts that says in its headers and in its body that it is of this user, this import and one of
    these runs, with the id that its chunk had.
    """

    def __init__(self, reading: Reading, import_id: UUID, user_id: UUID, bounds: Bounds) -> None:
        self._reading = reading
        self._import_id = import_id
        self._user_id = user_id
        self._records = bounds.records
        self._seconds = bounds.seconds
        self._margin = bounds.margin_ms

    async def read(self, written: Sequence[WrittenRun]) -> AsyncGenerator[list[ChunkReady], None]:
        """They come some at a time, in no order, and may come again. Leave it early by `aclosing`. Raises
        TooMuch, LogUnavailableError."""
        for run in written:
            name = topic(CHUNKS_READY, run.pipeline)
            begun, read, ended = map(_unix_ms, (run.begun_at, run.read_at, run.ended_at))
            # Most by the time that its reading ended; later the last ones, and what was lost and came again.
            margin = self._margin
            for since, until in ((begun - margin, read + margin), (read + margin, ended + margin)):
                if since >= until:
                    continue
                spans = await self._reading.spans(name, since, until)
                self._records -= sum(span.end - span.begin for span in spans.values())
                if self._records < 0:
                    raise TooMuch
                async with aclosing(self._read(name, spans, run)) as batches:
                    async for chunks in batches:
                        yield chunks

    async def _read(
        self, name: str, spans: Mapping[int, Span], run: WrittenRun
    ) -> AsyncGenerator[list[ChunkReady], None]:
        moved = time.monotonic()
        async with aclosing(self._reading.read(name, spans)) as batches:
            async for records in batches:
                if chunks := list(self._ours(records, run)):
                    yield chunks  # who takes them may wait for long, which is no reading
                    moved = time.monotonic()
                now = time.monotonic()
                self._seconds -= now - moved
                moved = now
                if self._seconds < 0:
                    raise TooMuch

    def _ours(self, records: Sequence[RawRecord], run: WrittenRun) -> Iterator[ChunkReady]:
        says = (
            ("ce_importid", str(self._import_id).encode()),
            ("ce_userid", str(self._user_id).encode()),
            ("ce_run", str(run.run).encode()),
        )
        for record in records:
            if not all(each in record.headers for each in says):
                continue
            try:
                chunk = self._reading.decode(record, ChunkReady)
            except PoisonError:
                continue  # whoever reads the topic has set it aside
            if self._is_of(chunk, run):
                yield chunk
            else:
                log.warning(
                    "a chunk on the log is not what it says", topic=record.topic, offset=record.offset
                )

    def _is_of(self, chunk: ChunkReady, run: WrittenRun) -> bool:
        return (chunk.import_id, chunk.user_id, chunk.run, chunk.chunk_id) == (
            self._import_id,
            self._user_id,
            run.run,
            stage_id(self._import_id, run.pipeline, run.run, STAGE, chunk.index),
        )


def _unix_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
