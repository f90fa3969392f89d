"""What services rely on, whichever log they are on: order, nothing lost, failures, dead letters."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Sequence

import pytest

from shared.domain.events import ImportReceived
from shared.log.policy import PoolPolicy
from shared.log.stage import per_batch, per_record
from shared.resilience.backoff import Backoff
from shared.resilience.faults import LaneError, PoisonError, TransientError
from shared.resilience.retry import RetryPolicy
from tests.support.chunks import chunk_of, said
from tests.support.logs import Letter, LogUnderTest, events, number, numbers
from tests.support.waiting import until

QUICK = Backoff(base=0.01, cap=0.02)
RETRY = RetryPolicy(backoff=QUICK, attempts=3)


async def test_one_in_flight_the_events_of_a_key_come_in_the_order_in_which_they_were_published(
    log: LogUnderTest,
) -> None:
    topic = await log.topic()
    seen: dict[int, list[int]] = defaultdict(list)

    async def handle(received: ImportReceived) -> None:
        seen[received.import_id.int].append(number(received))

    await log.read(topic, per_record("order", ImportReceived, handle), policy=PoolPolicy(ceiling=1))
    for several in zip(*(events(20, of) for of in (1, 2, 3)), strict=True):
        await log.publish(topic, *several)
    await until(lambda: sum(map(len, seen.values())) == 60)
    assert seen == {of: list(range(20)) for of in (1, 2, 3)}


async def test_many_in_flight_nothing_is_lost_and_nothing_done_twice(log: LogUnderTest) -> None:
    topic, chance = await log.topic(), random.Random(7)
    done: Counter[int] = Counter()
    at_once = most = 0

    async def handle(received: ImportReceived) -> None:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(chance.random() * 0.005)
        at_once -= 1
        done[number(received)] += 1

    await log.read(topic, per_record("many", ImportReceived, handle), policy=PoolPolicy(ceiling=16))
    await asyncio.gather(*(log.publish(topic, each) for each in events(300)))
    await until(lambda: done.total() == 300)
    assert set(done.values()) == {1}
    assert most == 16
    assert await log.letters(topic) == []


async def test_a_transient_fault_is_tried_again(log: LogUnderTest) -> None:
    topic, tries = await log.topic(), Counter[int]()
    done: set[int] = set()

    async def handle(received: ImportReceived) -> None:
        tries[number(received)] += 1
        if number(received) == 2 and tries[2] < 3:
            raise TransientError("not yet")
        done.add(number(received))

    stage = per_record("again", ImportReceived, handle)
    await log.read(topic, stage, policy=PoolPolicy(retry=RETRY))
    await log.publish(topic, *events(5))
    await until(lambda: len(done) == 5)
    assert tries == {0: 1, 1: 1, 2: 3, 3: 1, 4: 1}
    assert await log.letters(topic) == []


async def test_an_event_whose_attempts_are_used_up_is_a_dead_letter_and_its_import_is_told_before(
    log: LogUnderTest,
) -> None:
    topic = await log.topic()
    told: list[tuple[int, type[Exception], list[Letter]]] = []
    done: list[int] = []

    async def handle(received: ImportReceived) -> None:
        if number(received) == 1:
            raise ValueError("a stranger's words")
        if number(received) == 2:
            raise PoisonError("refused", "this one never works")
        done.append(number(received))

    async def on_dead(received: ImportReceived | None, error: Exception) -> None:
        assert received is not None
        told.append((number(received), type(error), await log.letters(topic)))

    stage = per_record("dead", ImportReceived, handle, on_dead=on_dead)
    await log.read(topic, stage, policy=PoolPolicy(ceiling=1, retry=RETRY))
    await log.publish(topic, *events(4))
    await until(lambda: log.value("soulprint_pool_records_total", stage="dead") == 4)
    used_up, refused = Letter("ValueError", 3, "dead", 1), Letter("refused", 1, "dead", 2)
    assert told == [(1, ValueError, []), (2, PoisonError, [used_up])]
    assert await log.letters(topic) == [used_up, refused]
    assert done == [0, 3]


@pytest.mark.parametrize("probed", [True, False])
async def test_a_lane_fault_pauses_the_reader_and_costs_no_event_and_no_attempt(
    log: LogUnderTest, probed: bool
) -> None:
    topic, mended = await log.topic(), asyncio.Event()
    done: set[int] = set()

    async def handle(received: ImportReceived) -> None:
        await probe()
        done.add(number(received))

    async def probe() -> None:
        if not mended.is_set():
            raise LaneError("the spend limit is reached")

    policy = PoolPolicy(retry=RetryPolicy(attempts=1), trials=QUICK)
    stage = per_record("lane", ImportReceived, handle)
    reader = await log.read(topic, stage, policy=policy, probe=probe if probed else None)
    await log.publish(topic, *events(10))
    await until(lambda: "faults" in reader.state.holds)
    assert "the spend limit is reached" in reader.state.holds["faults"].reason
    mended.set()
    await until(lambda: len(done) == 10)
    assert not reader.state.holds
    assert await log.letters(topic) == []


async def test_a_batch_that_fails_is_halved_until_a_bad_event_costs_only_itself(log: LogUnderTest) -> None:
    topic, go = await log.topic(), asyncio.Event()
    sizes: list[int] = []
    done: Counter[int] = Counter()

    async def handle(batch: Sequence[ImportReceived]) -> None:
        await go.wait()
        sizes.append(len(batch))
        if 33 in numbers(batch):
            raise PoisonError("refused", "this one never works")
        done.update(numbers(batch))

    stage = per_batch("halves", ImportReceived, handle, most=64)
    reader = await log.read(topic, stage, policy=PoolPolicy(ceiling=1, retry=RETRY))
    publishing = asyncio.create_task(log.publish(topic, *events(100)))
    await until(lambda: reader.state.waiting > 1)
    go.set()
    await publishing
    await until(lambda: log.value("soulprint_pool_records_total", stage="halves") == 100)
    assert done == dict.fromkeys(set(range(100)) - {33}, 1)
    assert max(sizes) > 1
    assert [(each.reason, each.offset) for each in await log.letters(topic)] == [("refused", 33)]


async def test_an_event_that_belongs_on_another_topic_is_set_aside_unread(log: LogUnderTest) -> None:
    topic = await log.topic()
    told: list[tuple[ImportReceived | None, str]] = []
    done: list[int] = []

    async def handle(received: ImportReceived) -> None:
        done.append(number(received))

    async def on_dead(received: ImportReceived | None, error: Exception) -> None:
        assert isinstance(error, PoisonError)
        told.append((received, error.reason))

    await log.read(topic, per_record("type", ImportReceived, handle, on_dead=on_dead))
    await log.publish(topic, chunk_of(said("m1", "I live in Porto.")), *events(1))
    await until(lambda: log.value("soulprint_pool_records_total", stage="type") == 2)
    assert told == [(None, "unknown_type")]
    assert await log.letters(topic) == [Letter("unknown_type", 0, "type", 0)]
    assert done == [0]
