from __future__ import annotations

import asyncio
from dataclasses import replace

from shared.events import ImportReceived
from shared.log.pool import PoolPolicy
from shared.log.stage import Received, per_record
from tests.support.kafka import Broker, create_topics, unique
from tests.support.replica import QUICK, Replica, committed, fill
from tests.support.waiting import until


async def test_a_stop_waits_for_work_in_flight_commits_it_and_begins_no_more(kafka: Broker) -> None:
    topic, group = unique("stop"), unique("group")
    await create_topics(kafka.bootstrap, {topic: 1, f"{topic}.dlq": 1})
    await fill(kafka.bootstrap, topic, range(100), partitions=1)
    begun: list[int] = []
    ended: list[int] = []
    go = asyncio.Event()

    async def handle(received: Received[ImportReceived]) -> None:
        begun.append(received.raw.offset)
        await go.wait()
        ended.append(received.raw.offset)

    replica = Replica(
        kafka.bootstrap,
        topic,
        group,
        per_record("stop", ImportReceived, handle),
        policy=PoolPolicy(ceiling=5),
    )
    await replica.start()
    await until(lambda: len(begun) == 5)
    stopping = asyncio.create_task(replica.stop())
    await until(lambda: replica.pool.state().draining)
    go.set()
    await stopping
    assert sorted(ended) == sorted(begun) == [0, 1, 2, 3, 4]
    assert await committed(kafka.bootstrap, group, topic, 1) == [5]


async def test_a_stop_leaves_undone_what_does_not_end_in_time(kafka: Broker) -> None:
    topic, group = unique("stuck"), unique("group")
    await create_topics(kafka.bootstrap, {topic: 1, f"{topic}.dlq": 1})
    await fill(kafka.bootstrap, topic, range(10), partitions=1)
    handled: list[int] = []
    cancelled: list[int] = []

    async def handle(received: Received[ImportReceived]) -> None:
        if received.raw.offset == 3:
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.append(3)
        handled.append(received.raw.offset)

    replica = Replica(
        kafka.bootstrap, topic, group, per_record("stuck", ImportReceived, handle),
        subscriber=replace(QUICK, drain=0.3),
    )  # fmt: skip
    await replica.start()
    await until(lambda: len(handled) == 9)
    await replica.stop()
    assert cancelled == [3]
    assert await committed(kafka.bootstrap, group, topic, 1) == [3]
