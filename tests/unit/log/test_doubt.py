"""Whose fault it is where the error does not say: told by how others fare."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from shared.domain.errors import StoreError
from shared.domain.events import ImportReceived
from shared.log.stage import per_batch, per_record
from shared.resilience.lane import Lane
from shared.resilience.retry import RetryPolicy
from tests.support.waiting import until
from tests.support.worker import QUICK, Bench, number


class Refusing:
    """A stage that meets a fault which may lie in the record: for some numbers always, for all while down."""

    def __init__(self, *bad: int) -> None:
        self.bad = set(bad)
        self.down = False
        self.handled: list[int] = []

    async def handle(self, batch: Sequence[ImportReceived]) -> None:
        numbers = [number(received) for received in batch]
        if self.down or self.bad & set(numbers):
            raise StoreError("slow", sqlstate="57014")
        self.handled += numbers

    async def probe(self) -> None:
        """The database answers, whatever it says of one record."""


def refused(refusing: Refusing, **policy: int) -> Bench:
    return Bench(
        per_batch("s", ImportReceived, refusing.handle),
        policy=RetryPolicy(backoff=QUICK, in_doubt=QUICK, attempts=3, **policy),
        lane=Lane(backoff=QUICK, probe=refusing.probe),
    )


async def test_a_fault_that_one_record_meets_again_and_again_is_its_own_and_the_others_get_through() -> None:
    refusing = Refusing(7, 11)
    bench = refused(refusing)
    await bench.worker.work(bench.unit(*range(1, 21)))
    assert sorted(refusing.handled) == [n for n in range(1, 21) if n not in refusing.bad]
    assert sorted(letter.raw.offset for letter in bench.letters) == [7, 11]
    assert sorted(bench.done) == list(range(1, 21))
    assert not bench.lane.paused


async def test_what_all_of_a_batch_meet_for_a_while_kills_none() -> None:
    refusing = Refusing()
    refusing.down = True
    bench = refused(refusing, outage_trials=10**6)
    unit = bench.unit(*range(1, 21))
    working = asyncio.create_task(bench.worker.work(unit))
    await until(lambda: unit.aside and unit.items[0].doubted > 20)
    refusing.down = False
    await working
    assert sorted(refusing.handled) == list(range(1, 21))
    assert not bench.letters


async def test_a_record_alone_that_always_meets_it_is_dead_at_last() -> None:
    bench = refused(Refusing(1), outage_trials=5)
    await bench.worker.work(bench.unit(1))
    (letter,) = bench.letters
    assert (letter.attempts, letter.reason) == (6, "StoreError")  # one more than an outage is tried


async def test_long_work_of_one_record_that_meets_it_is_tried_as_often_as_any() -> None:
    tries: list[int] = []

    async def handle(received: ImportReceived) -> None:
        tries.append(number(received))
        if number(received) == 1 and tries.count(1) < 6:
            raise StoreError("slow", sqlstate="57014")

    bench = Bench(
        per_record("s", ImportReceived, handle),
        policy=RetryPolicy(backoff=QUICK, in_doubt=QUICK),
        lane=Lane(backoff=QUICK, probe=Refusing().probe),
    )
    await asyncio.gather(*(bench.worker.work(bench.unit(n)) for n in (1, 2)))
    assert sorted(bench.done) == [1, 2]
    assert not bench.letters
