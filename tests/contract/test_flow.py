"""How a log keeps readers and publishers in step: backpressure, fairness, the end."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from shared.domain.events import ImportReceived
from shared.log.local import WAITING, WAITING_BYTES
from shared.log.policy import PoolPolicy
from shared.log.stage import per_record
from shared.resilience.faults import LaneError
from tests.support.logs import LocalUnderTest, LogUnderTest, events, number
from tests.support.replica import QUICK, event
from tests.support.waiting import until

HIGH = 16
STOP_SECONDS = 10.0
"""Far longer than a stop takes, far shorter than the grace it is given."""


async def test_a_reader_that_stands_still_takes_a_bounded_number_of_events(log: LogUnderTest) -> None:
    topic, go = await log.topic(), asyncio.Event()
    done: set[int] = set()

    async def handle(received: ImportReceived) -> None:
        await go.wait()
        done.add(number(received))

    stage = per_record("still", ImportReceived, handle)
    policy = PoolPolicy(ceiling=2, high=HIGH, low=HIGH // 2)
    reader = await log.read(topic, stage, policy=policy)
    publishing = asyncio.gather(*(log.publish(topic, each) for each in events(1000)))
    await until(lambda: reader.state.waiting >= HIGH)
    if log.log.durable:
        await publishing
    assert reader.state.waiting <= HIGH + QUICK.max_records
    assert reader.state.in_flight == 2
    go.set()
    await until(lambda: len(done) == 1000)
    await publishing
    assert reader.state.waiting <= HIGH + QUICK.max_records


@pytest.mark.parametrize(("size", "most"), [(0, WAITING), (WAITING_BYTES // 8, 8)])
async def test_in_memory_a_publisher_waits_while_the_reader_stands_still(
    local: LocalUnderTest, size: int, most: int
) -> None:
    topic, go = await local.topic(), asyncio.Event()
    done: list[int] = []

    async def handle(received: ImportReceived) -> None:
        await go.wait()
        done.append(number(received))

    stage = per_record("still", ImportReceived, handle)
    await local.read(topic, stage, policy=PoolPolicy(ceiling=1))
    large = [each.model_copy(update={"source": "x" * size}) for each in events(100)]
    publishing = asyncio.create_task(local.publish(topic, *large))
    await until(lambda: len(local.log.topic(topic)) >= most)
    accepted = local.value("soulprint_publisher_records_total", topic=topic)
    for _ in range(1000):
        await asyncio.sleep(0)
    assert not publishing.done()
    assert local.value("soulprint_publisher_records_total", topic=topic) == accepted < 100
    go.set()
    await publishing
    await until(lambda: len(done) == 100)


async def test_an_import_of_few_events_does_not_wait_for_all_of_one_of_many(log: LogUnderTest) -> None:
    topic, go = await log.topic(), asyncio.Event()
    order: list[int] = []

    async def handle(received: ImportReceived) -> None:
        await go.wait()
        order.append(received.import_id.int)
        await asyncio.sleep(0)

    stage = per_record("fair", ImportReceived, handle)
    reader = await log.read(topic, stage, policy=PoolPolicy(ceiling=1))
    large = asyncio.create_task(log.publish(topic, *events(150, of=1)))
    await until(lambda: reader.state.waiting >= HIGH)
    small = asyncio.create_task(log.publish(topic, *events(5, of=2)))
    if log.log.durable:
        await asyncio.gather(large, small)
        await until(lambda: reader.state.waiting == 154)
    go.set()
    await until(lambda: len(order) == 155)
    await asyncio.gather(large, small)
    last = max(place for place, of in enumerate(order) if of == 2)
    assert last < 100, "a third of the large import is still to come"


async def test_a_person_with_many_imports_has_no_more_turns_than_one_with_a_single_import(
    log: LogUnderTest,
) -> None:
    topic, go = await log.topic(), asyncio.Event()
    order: list[int] = []

    async def handle(received: ImportReceived) -> None:
        await go.wait()
        order.append(received.user_id.int)
        await asyncio.sleep(0)

    def of(person: int, imports: Sequence[int], count: int) -> list[ImportReceived]:
        whose = {"user_id": UUID(int=person)}
        several = [events(count, of=each) for each in imports]
        return [each.model_copy(update=whose) for turn in zip(*several, strict=True) for each in turn]

    stage = per_record("people", ImportReceived, handle)
    reader = await log.read(topic, stage, policy=PoolPolicy(ceiling=1))
    many = asyncio.create_task(log.publish(topic, *of(1, range(1, 21), 8)))
    await until(lambda: reader.state.waiting >= HIGH)
    single = asyncio.create_task(log.publish(topic, *of(2, [99], 20)))
    if log.log.durable:
        await asyncio.gather(many, single)
        await until(lambda: reader.state.waiting == 179)
    go.set()
    await until(lambda: len(order) == 180)
    await asyncio.gather(many, single)
    last = max(place for place, person in enumerate(order) if person == 2)
    assert last < 120, "a third of the others is still to come"


async def test_one_persons_records_leave_places_for_anothers(log: LogUnderTest) -> None:
    topic, go = await log.topic(), asyncio.Event()
    begun: list[int] = []

    async def handle(received: ImportReceived) -> None:
        begun.append(received.user_id.int)
        if received.user_id.int == 7:
            await go.wait()

    policy = PoolPolicy(ceiling=8, of_one=3, high=HIGH, low=HIGH // 2)
    reader = await log.read(topic, per_record("places", ImportReceived, handle), policy=policy)
    await log.publish(topic, *(event for number in range(1, 31) for event in events(1, of=number)))
    await until(lambda: reader.state.waiting == 27)
    (other,) = events(1, of=99)
    await log.publish(topic, other.model_copy(update={"user_id": UUID(int=8)}))
    await until(lambda: 8 in begun)
    assert begun == [7, 7, 7, 8]
    go.set()
    await until(lambda: len(begun) == 31)


async def test_a_stop_waits_for_work_in_flight(log: LogUnderTest) -> None:
    topic, go = await log.topic(), asyncio.Event()
    begun: list[int] = []
    ended: list[int] = []

    async def handle(received: ImportReceived) -> None:
        begun.append(number(received))
        await go.wait()
        ended.append(number(received))

    stage = per_record("stop", ImportReceived, handle)
    reader = await log.read(topic, stage, policy=PoolPolicy(ceiling=5))
    await log.publish(topic, *events(5))
    await until(lambda: len(begun) == 5)
    stopping = asyncio.create_task(reader.client.stop(20.0))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not stopping.done()
    go.set()
    await asyncio.wait_for(stopping, STOP_SECONDS)
    assert sorted(ended) == sorted(begun) == list(range(5))
    await reader.client.stop(20.0)


async def test_what_does_not_end_in_time_is_left_to_the_next_reader_where_the_log_is_durable(
    log: LogUnderTest,
) -> None:
    topic, stuck = await log.topic(), asyncio.Event()
    done: list[int] = []
    ended_early: list[int] = []
    again: list[int] = []

    async def handle(received: ImportReceived) -> None:
        if number(received) == 4:
            stuck.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended_early.append(4)
        done.append(number(received))

    async def take_up(received: ImportReceived) -> None:
        again.append(number(received))

    stage = per_record("late", ImportReceived, handle)
    reader = await log.read(topic, stage, policy=PoolPolicy(ceiling=5))
    await log.publish(topic, *events(5))
    await stuck.wait()
    await until(lambda: len(done) == 4)
    await asyncio.wait_for(reader.client.stop(0.2), STOP_SECONDS)
    assert (sorted(done), ended_early) == ([0, 1, 2, 3], [4])
    if log.log.durable:
        await log.publish(topic, *events(6)[5:])
        await log.read(topic, per_record("late", ImportReceived, take_up))
        await until(lambda: len(again) == 2)
        assert again == [4, 5]
    else:
        with pytest.raises(LaneError, match="no reader any more"):
            await log.publish(topic, *events(6)[5:])


async def test_a_stop_does_not_wait_for_a_paused_lane(log: LogUnderTest) -> None:
    topic = await log.topic()

    async def handle(_: ImportReceived) -> None:
        raise LaneError("the spend limit is reached")

    async def probe() -> None:
        raise LaneError("the spend limit is reached")

    reader = await log.read(topic, per_record("paused", ImportReceived, handle), probe=probe)
    await log.publish(topic, *events(20))
    await until(lambda: bool(reader.state.holds))
    await asyncio.wait_for(reader.client.stop(60.0), STOP_SECONDS)
    assert await log.letters(topic) == []


async def test_in_memory_a_publisher_that_waits_is_told_when_the_reader_stops(local: LocalUnderTest) -> None:
    topic = await local.topic()

    async def handle(_: ImportReceived) -> None:
        await asyncio.Event().wait()

    stage = per_record("gone", ImportReceived, handle)
    reader = await local.read(topic, stage, policy=PoolPolicy(ceiling=1))
    publishing = [asyncio.create_task(local.publish(topic, *events(100, of))) for of in (1, 2)]
    await until(lambda: len(local.log.topic(topic)) == WAITING)
    await asyncio.wait_for(reader.client.stop(0.0), STOP_SECONDS)
    ended = await asyncio.wait_for(asyncio.gather(*publishing, return_exceptions=True), STOP_SECONDS)
    assert [type(error) for error in ended] == [LaneError, LaneError]


async def test_in_memory_a_reader_that_stops_works_off_what_waits(local: LocalUnderTest) -> None:
    """There is no next reader, so what upstream published is done before the end."""
    topic, go = await local.topic(), asyncio.Event()
    done: list[int] = []

    async def handle(received: ImportReceived) -> None:
        await go.wait()
        done.append(number(received))

    reader = await local.read(topic, per_record("rest", ImportReceived, handle), policy=PoolPolicy(ceiling=1))
    await local.publish(topic, *events(WAITING))
    assert len(local.log.topic(topic)) > 0
    stopping = asyncio.create_task(reader.client.stop(20.0))
    go.set()
    await asyncio.wait_for(stopping, STOP_SECONDS)
    assert done == list(range(WAITING))
    with pytest.raises(LaneError):
        await local.publish(topic, event())
