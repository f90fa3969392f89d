from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from shared.domain.errors import StoreError
from shared.domain.events import ImportReceived
from shared.log.burial import DEAD_LETTERS
from shared.log.deadletter import DeadLetter
from shared.log.kafka.cloudevents import CloudEvents
from shared.log.metrics import PoolMetrics
from shared.log.stage import per_batch, per_record
from shared.log.units import Item, Unit
from shared.log.watermark import Ledger
from shared.log.worker import Worker
from shared.resilience.backoff import Backoff
from shared.resilience.faults import LaneError, PoisonError, TransientError
from shared.resilience.lane import Lane
from shared.resilience.retry import RetryPolicy
from tests.support.replica import wire
from tests.support.waiting import until

QUICK = Backoff(base=0.001, cap=0.002)


@dataclass
class Record:
    offset: int
    value: bytes | None
    headers: list[tuple[str, bytes]]
    topic: str = "t"
    partition: int = 0
    timestamp: int = 0
    key: bytes | None = None


@dataclass
class Bench:
    """A worker with a ledger, and what comes out of it."""

    stage: Any
    policy: RetryPolicy = field(default_factory=lambda: RetryPolicy(backoff=QUICK, attempts=3))
    lane: Lane = field(default_factory=lambda: Lane(backoff=QUICK))
    done: list[int] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    unwritable: int = 0
    """How many dead letters fail to be written first."""

    def __post_init__(self) -> None:
        self.ledger = Ledger(1)
        self.worker = Worker(
            self.stage, decode=CloudEvents().decode, policy=self.policy, lane=self.lane, bury=self.bury,
            done=lambda item: self.done.append(item.raw.offset), metrics=PoolMetrics(CollectorRegistry()),
        )  # fmt: skip

    async def bury(self, letter: DeadLetter) -> None:
        if self.unwritable:
            self.unwritable -= 1
            assert letter
            raise ConnectionError
        self.letters.append(letter)

    def unit(self, *numbers: int) -> Unit:
        items = []
        for number in numbers:
            value, headers = wire(number)
            self.ledger.take(number)
            items.append(Item(Record(number, value, headers), self.ledger))
        return Unit(items)


def number(received: ImportReceived) -> int:
    return received.import_id.int


async def test_a_transient_fault_is_tried_again_and_then_done() -> None:
    tries: list[int] = []

    async def handle(received: ImportReceived) -> None:
        tries.append(number(received))
        if len(tries) < 3:
            raise TransientError("not yet", retry_after=0.001)

    bench = Bench(per_record("s", ImportReceived, handle))
    await bench.worker.work(bench.unit(1))
    assert (tries, bench.done, bench.letters) == ([1, 1, 1], [1], [])


async def test_attempts_end_in_a_dead_letter_and_the_import_is_told() -> None:
    told: list[Any] = []

    async def handle(received: ImportReceived) -> None:
        raise ValueError("a stranger's words")

    async def on_dead(received: ImportReceived | None, error: Exception) -> None:
        told.append((received and number(received), type(error)))

    bench = Bench(per_record("s", ImportReceived, handle, on_dead=on_dead))
    await bench.worker.work(bench.unit(1))
    (letter,) = bench.letters
    assert (letter.attempts, letter.reason, letter.message) == (3, "ValueError", "")
    assert told == [(1, ValueError)]
    assert bench.done == [1]


async def test_the_deadline_ends_an_attempt_that_hangs() -> None:
    async def handle(received: ImportReceived) -> None:
        await asyncio.Event().wait()

    policy = RetryPolicy(backoff=QUICK, deadline=0.05)
    bench = Bench(per_record("s", ImportReceived, handle), policy=policy)
    await bench.worker.work(bench.unit(1))
    assert bench.letters[0].reason == "TimeoutError"


async def test_time_in_a_paused_lane_does_not_count_against_the_deadline() -> None:
    go = asyncio.Event()

    async def handle(received: ImportReceived) -> None:
        bench.lane.hold("kafka", "down")
        await go.wait()

    policy = RetryPolicy(backoff=QUICK, deadline=0.05)
    bench = Bench(per_record("s", ImportReceived, handle), policy=policy)
    working = asyncio.create_task(bench.worker.work(bench.unit(1)))
    await until(lambda: bench.lane.paused_seconds > 3 * policy.deadline)
    go.set()
    bench.lane.release("kafka")
    await working
    assert (bench.done, bench.letters) == ([1], [])


async def test_a_cancellation_from_within_is_a_fault_like_another() -> None:
    tries = 0

    async def handle(received: ImportReceived) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise asyncio.CancelledError

    bench = Bench(per_record("s", ImportReceived, handle))
    await bench.worker.work(bench.unit(1))
    assert (tries, bench.done) == (2, [1])


async def test_a_lane_fault_costs_no_attempt_and_no_record() -> None:
    tries = 0

    async def handle(received: ImportReceived) -> None:
        nonlocal tries
        tries += 1
        if tries < 20:
            raise LaneError("no credit")

    bench = Bench(per_record("s", ImportReceived, handle))
    await asyncio.gather(*(bench.worker.work(bench.unit(n)) for n in range(1, 5)))
    assert sorted(bench.done) == [1, 2, 3, 4]
    assert not bench.letters
    assert not bench.lane.paused


async def test_an_outage_that_looks_transient_pauses_the_lane_instead_of_burying_all() -> None:
    healthy = asyncio.Event()

    async def handle(received: ImportReceived) -> None:
        if not healthy.is_set():
            raise TimeoutError

    policy = RetryPolicy(backoff=QUICK, attempts=2, outage_after=3, outage_trials=1000)
    bench = Bench(
        per_record("s", ImportReceived, handle), policy=policy, lane=Lane(backoff=Backoff(0.05, 0.05))
    )
    working = [asyncio.create_task(bench.worker.work(bench.unit(n))) for n in range(1, 101)]
    paused = asyncio.Event()
    bench.lane.watch(lambda on: paused.set() if on else None)
    await asyncio.wait_for(paused.wait(), 10)
    healthy.set()
    await asyncio.gather(*working)
    assert len(bench.letters) == policy.outage_after - 1
    assert sorted(bench.done) == list(range(1, 101))


async def test_a_scout_that_meets_a_transient_fault_is_not_buried() -> None:
    tries = 0

    async def handle(received: ImportReceived) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise LaneError("no credit")
        if tries < 5:
            raise TimeoutError

    bench = Bench(per_record("s", ImportReceived, handle))
    await bench.worker.work(bench.unit(1))
    assert (bench.done, bench.letters) == ([1], [])


async def test_a_record_that_alone_never_works_dies_even_if_nothing_else_works() -> None:
    async def handle(received: ImportReceived) -> None:
        raise TimeoutError

    policy = RetryPolicy(backoff=QUICK, attempts=2, outage_after=1, outage_trials=4)
    bench = Bench(per_record("s", ImportReceived, handle), policy=policy)
    await bench.worker.work(bench.unit(1))
    assert bench.letters[0].reason == "TimeoutError"
    assert bench.done == [1]


async def test_bad_records_of_a_batch_are_found_by_halves() -> None:
    handled: list[int] = []

    async def handle(batch: Sequence[ImportReceived]) -> None:
        numbers = [number(r) for r in batch]
        if 7 in numbers:
            raise PoisonError("seven", "never seven")
        if 11 in numbers:
            raise KeyError("eleven")
        handled.extend(numbers)

    bench = Bench(per_batch("s", ImportReceived, handle))
    unit = bench.unit(*range(1, 21))
    unit.items[4].raw.value = b"not an event"
    await bench.worker.work(unit)
    assert sorted(handled) == [n for n in range(1, 21) if n not in (5, 7, 11)]
    assert {letter.raw.offset: letter.reason for letter in bench.letters} == {
        5: "bad_json", 7: "seven", 11: "KeyError",
    }  # fmt: skip
    assert sorted(bench.done) == list(range(1, 21))


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


async def test_a_cancelled_scout_gives_its_turn_back_and_work_of_a_lost_partition_is_left() -> None:
    began = asyncio.Event()

    async def handle(received: ImportReceived) -> None:
        began.set()
        if number(received) == 1:
            await asyncio.Event().wait()

    bench = Bench(per_record("s", ImportReceived, handle))
    bench.lane.trip("no credit")
    working = asyncio.create_task(bench.worker.work(bench.unit(1)))
    await began.wait()
    working.cancel()
    await asyncio.wait([working])
    assert working.cancelled()
    await bench.worker.work(bench.unit(2))
    assert bench.done == [2]
    lost = bench.unit(3)
    bench.ledger.live = False
    await bench.worker.work(lost)
    assert bench.done == [2]


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
