"""Which chunks of a run go out again, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from services.chunker.anew import AnewSink
from services.chunker.chunking import STAGE, ChunkingJob
from services.chunker.contents import PAGE, ChangedSourceError, Contents
from services.chunker.report import ChunkingReport
from shared.domain.events import ChunkReady
from shared.domain.ids import stage_id
from shared.domain.runs import RunKey
from shared.store.driving import ChunkRanges, RunWatch
from tests.support.chunks import chunk_of, said

IMPORT, USER = UUID(int=1), UUID(int=2)
MESSAGE = said("m1", "I live in Porto.")


class Base:
    """A store that knows what the base held: of every chunk but those `unread` its index. It counts the
    questions, and takes what is published."""

    def __init__(self, total: int, unread: Sequence[int] = ()) -> None:
        self.total = total
        self.unread = frozenset(unread)
        self.asked: list[int] = []
        self.published: list[ChunkReady] = []

    async def chunk_hashes(self, import_id: UUID, run: int, indices: Sequence[int]) -> Mapping[int, str]:
        assert (import_id, run) == (IMPORT, 1)
        self.asked.append(len(indices))
        return {index: str(index) for index in indices if index < self.total and index not in self.unread}

    async def watch_run(self, import_id: UUID, run: int) -> RunWatch:
        return RunWatch("extracting", self.total)

    async def publish(self, name: str, key: object, event: ChunkReady) -> None:
        assert key == event.chunk_id
        self.published.append(event)

    def sink(self, recorded: Sequence[Sequence[int]]) -> AnewSink:
        settings = SimpleNamespace(window_of=lambda priority: self.total)
        kit: Any = SimpleNamespace(store=self, settings=settings, publish=self.publish)
        job = ChunkingJob(IMPORT, USER, 2, "v3", "replay")
        contents = Contents(kit.store, RunKey(IMPORT, 1))
        return AnewSink(kit, job, ChunkRanges(recorded), 60.0, self.total, contents)

    @property
    def indices(self) -> list[int]:
        return [chunk.index for chunk in self.published]


def chunk(index: int, content_hash: str | None = None) -> ChunkReady:
    """A chunk of the base, as a reading or the log gives it."""
    return chunk_of(MESSAGE, index=index, content_hash=content_hash or str(index))


def report(chunks: int) -> ChunkingReport:
    return ChunkingReport(chunks=chunks)


async def test_of_a_long_run_only_what_has_no_result_is_published_the_last_once_all_were_seen() -> None:
    base = Base(10_000, unread=[40])
    async with base.sink([[0, 39], [41, 4999], [5001, 8999], [9002, 9999]]) as sink:
        assert sink.left == 4
        for index in range(10_000):
            await sink.publish(chunk(index))
        assert base.indices[-1:] != [9001]
        await sink.source_read(report(10_000))
        assert sink.left == 0
    assert base.indices == [40, 5000, 9000, 9001]
    assert base.asked == [PAGE] * 10


async def read(base: Base, recorded: Sequence[Sequence[int]], chunks: Sequence[ChunkReady]) -> None:
    """Have a source make these chunks."""
    async with base.sink(recorded) as sink:
        for each in chunks:
            await sink.publish(each)
            await asyncio.sleep(0)
        await sink.source_read(report(len(chunks)))


@pytest.mark.parametrize(("changed", "published"), [(4, []), (900, [3])])
async def test_an_export_that_is_another_ends_it_before_the_last_chunk_goes_out(
    changed: int, published: Sequence[int]
) -> None:
    base = Base(1000)
    chunks = [chunk(index, "another" if index == changed else None) for index in range(1000)]
    with pytest.raises(ChangedSourceError, match=f"since run 1 read it .its chunk {changed} is another"):
        await read(base, [[0, 2], [5, 999]], chunks)
    assert base.indices == published


async def test_an_export_that_has_grown_is_another() -> None:
    base = Base(1000)
    with pytest.raises(ChangedSourceError, match="makes 1001 chunks, and made 1000"):
        await read(base, [[0, 998]], [chunk(index) for index in range(1001)])
    assert base.indices == []


async def test_from_the_log_comes_what_the_base_had_once_under_the_new_runs_ids() -> None:
    base = Base(3000, unread=[2999])
    async with base.sink([[10, 2998]]) as sink:
        await sink.offer([chunk(index) for index in (3, 1, 3)])
        await sink.offer([chunk(3), chunk(11), chunk(7000), chunk(4, "another")])
        await sink.offer([chunk(4), chunk(2999, "whatever")])
        assert sink.left == 7
        for index in range(3000):  # the others from the source
            await sink.publish(chunk(index))
        await sink.source_read(report(3000))
    assert base.indices == [3, 1, 4, 2999, 0, 2, 5, 6, 7, 8, 9]
    for each in base.published[:4]:
        assert each.chunk_id == stage_id(IMPORT, "v3", 2, STAGE, each.index)
        assert (each.run, each.priority) == (2, "replay")
        assert each.total == (3000 if each.index == 2999 else None)
        assert each.messages == (MESSAGE,)
