"""Setting a record aside holds nobody up for a reason that lies in the record."""

from __future__ import annotations

import asyncio

import pytest

from shared.domain.errors import StoreError
from shared.domain.events import ImportReceived
from shared.log.burial import DEAD_LETTERS
from shared.log.stage import per_record
from shared.resilience.faults import PoisonError
from tests.support.worker import Bench, number


async def test_the_lane_is_held_until_the_dead_letter_is_written() -> None:
    async def handle(received: ImportReceived) -> None:
        raise PoisonError("never", "never")

    bench = Bench(per_record("s", ImportReceived, handle), unwritable=3)
    holds: list[set[str]] = []
    bench.lane.watch(lambda paused: holds.append(set(bench.lane.holds)))
    await bench.worker.work(bench.unit(1))
    assert holds == [{DEAD_LETTERS}, set()]
    assert len(bench.letters) == 1
    assert bench.done == [1]


@pytest.mark.parametrize("sqlstate", ["22003", "XX000"])
async def test_an_import_that_cannot_be_told_for_a_reason_in_the_record_holds_nobody_up(
    sqlstate: str,
) -> None:
    async def handle(received: ImportReceived) -> None:
        if number(received) == 1:
            raise PoisonError("never", "never")

    async def on_dead(received: ImportReceived | None, error: Exception) -> None:
        raise StoreError("refused", sqlstate=sqlstate)

    bench = Bench(per_record("s", ImportReceived, handle, on_dead=on_dead))
    await asyncio.gather(*(bench.worker.work(bench.unit(n)) for n in (1, 2)))
    assert [letter.reason for letter in bench.letters] == ["never"]
    assert sorted(bench.done) == [1, 2]
    assert not bench.lane.paused


async def test_an_import_is_told_of_its_dead_record_once_the_database_is_back() -> None:
    told = asyncio.Event()
    tries = 0

    async def handle(received: ImportReceived) -> None:
        raise PoisonError("never", "never")

    async def on_dead(received: ImportReceived | None, error: Exception) -> None:
        nonlocal tries
        tries += 1
        if tries < 20:
            raise StoreError("gone")
        told.set()

    bench = Bench(per_record("s", ImportReceived, handle, on_dead=on_dead))
    holds: list[set[str]] = []
    bench.lane.watch(lambda paused: holds.append(set(bench.lane.holds)))
    await bench.worker.work(bench.unit(1))
    assert told.is_set()
    assert holds == [{DEAD_LETTERS}, set()]
