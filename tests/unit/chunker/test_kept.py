"""Which records of the log are the chunks of a run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest

from services.chunker.chunking import STAGE
from services.chunker.kept import Bounds, KeptChunks, TooMuch
from shared.domain.events import Event
from shared.domain.ids import stage_id
from shared.log.kafka.cloudevents import decode, encode
from shared.log.reading import RawRecord, Span
from shared.store.driving import WrittenRun
from tests.support.chunks import chunk_of, said

E = TypeVar("E", bound=Event)
IMPORT, USER = uuid4(), uuid4()
BEGUN = datetime(2026, 5, 1, tzinfo=UTC)
RUN = WrittenRun(
    run=2,
    pipeline="v2",
    begun_at=BEGUN,
    read_at=BEGUN + timedelta(minutes=5),
    ended_at=BEGUN + timedelta(minutes=20),
)


class Lying:
    """Records in one partition; all of them lie in every span."""

    def __init__(self, *records: RawRecord) -> None:
        self.records = records
        self.asked: list[tuple[str, int | None, int | None]] = []

    async def spans(
        self, topic: str, since: int | None = None, until: int | None = None
    ) -> Mapping[int, Span]:
        self.asked.append((topic, since, until))
        return {0: Span(0, len(self.records))}

    async def read(self, topic: str, spans: Mapping[int, Span]) -> AsyncGenerator[Sequence[RawRecord], None]:
        yield self.records

    async def topics(self) -> Sequence[str]:
        return ()

    def decode(self, record: RawRecord, model: type[E]) -> E:
        event, _ = decode(record.value, record.headers, model)
        assert isinstance(event, model)
        return event


def record(index: int, headers: Mapping[str, bytes | None] = {}, **changes: Any) -> RawRecord:
    """A chunk of the run, or what says it is one; `headers` stand in place of its own, or none."""
    run = changes.get("run", 2)
    fields: dict[str, Any] = {
        "import_id": IMPORT,
        "user_id": USER,
        "run": run,
        "chunk_id": stage_id(IMPORT, "v2", run, STAGE, index),
    }
    chunk = chunk_of(said("m1", "I live in Porto.")).model_copy(update=fields | {"index": index} | changes)
    value, own = encode(chunk, source="chunker", pipeline="v2")
    told = [(name, value) for name, value in (dict(own) | headers).items() if value is not None]
    return RawRecord("chunks.ready.v2", 0, index, 0, b"k", value, tuple(told))


async def found(reading: Lying, **bounds: Any) -> list[int]:
    """The chunks found, by index."""
    kept = KeptChunks(reading, IMPORT, USER, Bounds(**({"records": 1000} | bounds)))
    return [chunk.index async for chunks in kept.read([RUN]) for chunk in chunks]


async def test_what_says_whose_it_is_in_headers_and_body_is_found() -> None:
    other = str(UUID(int=7)).encode()
    reading = Lying(
        record(0),
        record(1, {"ce_userid": other}),
        record(2, user_id=UUID(int=7)),
        record(3, {"ce_userid": str(USER).encode()}, user_id=UUID(int=7)),
        record(4, {"ce_userid": None}),
        record(5, {"ce_importid": None}),
        record(6, run=1),
        record(7, {"ce_run": b"2"}, run=1),
        record(8, {"ce_run": None}),
        record(9, chunk_id=uuid4()),
        record(10, {"ce_type": b"soulprint.facts-extracted.v1"}),
        record(11),
    )
    assert await found(reading) == [0, 11, 0, 11], "in each of two spans"


async def test_it_looks_where_the_run_was_read_and_only_then_where_it_ended() -> None:
    reading = Lying(record(0))
    begun, read, ended = (int(m.timestamp() * 1000) for m in (RUN.begun_at, RUN.read_at, RUN.ended_at))
    await found(reading, margin_ms=7000)
    assert reading.asked == [
        ("chunks.ready.v2", begun - 7000, read + 7000),
        ("chunks.ready.v2", read + 7000, ended + 7000),
    ]


async def test_no_more_is_read_than_is_allowed() -> None:
    reading = Lying(*(record(index) for index in range(6)))
    with pytest.raises(TooMuch):
        await found(reading, records=5)
    with pytest.raises(TooMuch):
        await found(reading, records=11)
    assert len(await found(reading, records=12)) == 12
    with pytest.raises(TooMuch):
        await found(reading, seconds=0.0)
