"""Watching imports: one look for all, the newest state for each, and nothing left of who is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID, uuid5

import pytest

from services.gateway.watching import Watch, Watcher
from shared.domain.errors import StoreError
from shared.domain.runs import RunKind
from shared.store.watching import WatchedRun
from tests.support.records import ANNA, BORIS, IMPORT, SEED
from tests.support.waiting import until

OTHER = uuid5(SEED, "other")


def row_of(import_id: UUID = IMPORT, **changes: object) -> WatchedRun:
    row = WatchedRun(
        import_id, 1, ANNA, RunKind.PRIMARY, "chunking", "chunking", 0.0, 0, 0, None, None, version=1
    )
    return replace(row, **changes)


class Table:
    """What the database would answer."""

    def __init__(self, *rows: WatchedRun) -> None:
        self.rows = {row.import_id: row for row in rows}
        self.asked: list[set[UUID]] = []
        self.fault: Exception | None = None
        self.hold: asyncio.Event | None = None

    def put(self, row: WatchedRun) -> None:
        self.rows[row.import_id] = row

    async def look(self, import_ids: Sequence[UUID]) -> list[WatchedRun]:
        self.asked.append(set(import_ids))
        await asyncio.sleep(0)
        if self.hold is not None:
            await self.hold.wait()
        if self.fault is not None:
            raise self.fault
        return [self.rows[each] for each in import_ids if each in self.rows]


@asynccontextmanager
async def watching(table: Table, *, every: float = 0.01, patience: float = 5.0) -> AsyncIterator[Watcher]:
    watcher = Watcher(table.look, every=every, soon=every / 2, patience=patience)
    task = asyncio.create_task(watcher.run())
    try:
        yield watcher
    finally:
        task.cancel()
        await asyncio.wait([task])


async def watch(watcher: Watcher, import_id: UUID = IMPORT) -> Watch:
    row = await watcher.find(import_id)
    assert row is not None
    found = watcher.watch(row)
    assert await found.changed(1)
    return found


async def turns() -> None:
    """Let whatever could go on go on: of a watcher that never rests."""
    for _ in range(50):
        await asyncio.sleep(0)


async def newest(found: Watch) -> WatchedRun:
    assert await found.changed(5)
    assert found.newest is not None
    return found.newest


async def test_while_nobody_watches_nothing_is_asked() -> None:
    table = Table(row_of())
    async with watching(table, every=0) as watcher:
        await turns()
        assert table.asked == []
        found = await watch(watcher)
        await until(lambda: len(table.asked) > 2)
        watcher.leave(found)
        await turns()
        looks = len(table.asked)
        await turns()
        assert len(table.asked) == looks


async def test_all_that_is_watched_is_asked_in_one_look() -> None:
    imports = [uuid5(SEED, f"of many {n}") for n in range(50)]
    table = Table(*(row_of(each) for each in imports))
    async with watching(table, every=0.2) as watcher:
        rows = await asyncio.gather(*(watcher.find(each) for each in imports * 20))
        assert all(row is not None for row in rows)
        assert len(table.asked) <= 2  # a thousand came at once
        watches = [watcher.watch(row) for row in rows if row is not None]
        assert watcher.count == watcher.count_of(ANNA) == 1000
        await until(lambda: table.asked[-1] == set(imports))
        for each in watches:
            watcher.leave(each)
        assert (watcher.count, watcher.count_of(ANNA)) == (0, 0)


async def test_who_takes_slowly_gets_the_newest_state_alone() -> None:
    table = Table(row_of())
    async with watching(table) as watcher:
        found = await watch(watcher)
        for version in range(2, 6):
            looks = len(table.asked)
            table.put(row_of(version=version, ok=version))
            await until(lambda looks=looks: len(table.asked) > looks + 1)
        assert (await newest(found)).version == 5
        assert not await found.changed(0.02)


async def test_an_import_is_watched_over_its_next_run_to_its_end() -> None:
    table = Table(row_of())
    async with watching(table, every=0) as watcher:
        found = await watch(watcher)
        table.put(row_of(run=2, version=2, kind=RunKind.FALLBACK))
        assert (await newest(found)).run == 2
        table.put(row_of(run=2, version=3, state="complete"))
        assert (await newest(found)).ended
        looks = len(table.asked)
        await turns()
        assert len(table.asked) == looks  # what has ended is not looked at
        assert (await watcher.find(IMPORT)) == table.rows[IMPORT]


async def test_what_is_gone_or_was_never_there_is_told() -> None:
    table = Table(row_of())
    async with watching(table) as watcher:
        assert await watcher.find(OTHER) is None
        found = await watch(watcher)
        del table.rows[IMPORT]
        assert await found.changed(5)
        assert found.newest is None


@pytest.mark.parametrize("hangs", [False, True])
async def test_while_the_database_is_away_who_watches_stays(hangs: bool) -> None:
    table = Table(row_of(), row_of(OTHER, user_id=BORIS))
    async with watching(table, patience=0.05) as watcher:
        found = await watch(watcher)
        if hangs:
            table.hold = asyncio.Event()
        else:
            table.fault = StoreError("away")
        with pytest.raises(StoreError):
            await watcher.find(OTHER)
        assert found.away
        with pytest.raises(StoreError):
            await watcher.find(IMPORT)  # what is watched may be old by now
        assert not await found.changed(0.02)
        table.put(row_of(version=2))
        table.fault = table.hold = None
        assert (await newest(found)).version == 2
        assert not found.away
        watcher.leave(found)


async def test_at_the_end_all_are_sent_away() -> None:
    table = Table(row_of())
    async with watching(table) as watcher:
        found = await watch(watcher)
        watcher.close()
        assert await found.changed(1)
        assert found.newest is None
        with pytest.raises(StoreError):
            await watcher.find(IMPORT)
        watcher.leave(found)
        assert watcher.count == 0


async def test_who_waits_for_a_look_is_told_of_the_end() -> None:
    table = Table(row_of())
    table.hold = asyncio.Event()
    async with watching(table) as watcher:
        asking = asyncio.create_task(watcher.find(IMPORT))
        await until(lambda: len(table.asked) == 1)
    with pytest.raises(StoreError):
        await asking


async def test_who_leaves_before_it_is_answered_leaves_nothing() -> None:
    table = Table(row_of())
    table.hold = asyncio.Event()
    async with watching(table) as watcher:
        asking = asyncio.create_task(watcher.find(IMPORT))
        await until(lambda: len(table.asked) == 1)
        asking.cancel()
        await asyncio.wait([asking])
        table.hold.set()
        assert (await watcher.find(IMPORT)) == row_of()
        assert watcher.count == 0
