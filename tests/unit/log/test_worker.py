from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

from shared.domain.events import ImportReceived
from shared.domain.told import first_of
from shared.log.gate import Gate
from shared.log.stage import per_batch, per_record
from shared.log.units import standing_still
from shared.resilience.backoff import Backoff
from shared.resilience.faults import LaneError, PoisonError, TransientError
from shared.resilience.lane import Lane
from shared.resilience.retry import RetryPolicy
from tests.support.waiting import until
from tests.support.worker import QUICK, Bench, number


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
    assert (letter.attempts, letter.reason) == (3, "ValueError")
    assert letter.message.startswith("ValueError at shared/log/stage.py:")
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


async def test_time_in_line_does_not_count_against_the_deadline_and_work_does() -> None:
    gate, leave = Gate(1), asyncio.Event()
    tries = 0

    async def handle(received: ImportReceived) -> None:
        nonlocal tries
        tries += 1
        async with AsyncExitStack() as stack:
            with standing_still():
                await stack.enter_async_context(gate.place("p"))
            if tries == 1:
                raise TransientError("once more", retry_after=0.001)
            if number(received) == 2:
                await asyncio.Event().wait()

    async def occupy() -> None:
        async with gate.place("other"):
            await leave.wait()

    policy = RetryPolicy(backoff=QUICK, deadline=0.05)
    bench = Bench(per_record("s", ImportReceived, handle), policy=policy)
    occupying = asyncio.create_task(occupy())
    await asyncio.sleep(0)
    working = asyncio.create_task(bench.worker.work(bench.unit(1)))
    unit = bench.unit(2)
    hanging = asyncio.create_task(bench.worker.work(unit))
    await asyncio.sleep(3 * policy.deadline)
    bench.lane.hold("kafka", "down")  # both at once, one longer than the other
    await asyncio.sleep(2 * policy.deadline)
    assert unit.timeout is not None
    assert unit.timeout.when() is None
    leave.set()
    await occupying
    await asyncio.sleep(2 * policy.deadline)
    assert not bench.letters
    bench.lane.release("kafka")
    await asyncio.gather(working, hanging)
    assert (bench.done, [letter.raw.offset for letter in bench.letters]) == ([1, 2], [2])


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


async def test_work_that_fails_as_it_is_cancelled_is_not_begun_again() -> None:
    began = asyncio.Event()

    async def handle(received: ImportReceived) -> None:
        assert not began.is_set()
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise LaneError("the database went away meanwhile")

    bench = Bench(per_record("s", ImportReceived, handle))
    unit = bench.unit(1)
    working = asyncio.create_task(bench.worker.work(unit))
    await began.wait()
    unit.ended = True
    working.cancel()
    await asyncio.wait([working], timeout=5)
    assert working.cancelled()
    assert (bench.done, bench.letters, bench.lane.paused) == ([], [], False)


async def test_a_fault_of_a_task_group_that_is_ending_is_a_fault_like_another() -> None:
    tries = 0

    async def fails(ending: asyncio.Event) -> None:
        await ending.wait()
        raise LaneError("the topic is gone")

    async def handle(received: ImportReceived) -> None:
        nonlocal tries
        tries += 1
        if tries > 1:
            return
        ending = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fails(ending))
                asyncio.get_running_loop().call_soon(ending.set)
        except BaseExceptionGroup as error:
            raise first_of(error) from None

    bench = Bench(per_record("s", ImportReceived, handle))
    await asyncio.create_task(bench.worker.work(bench.unit(1)))
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
