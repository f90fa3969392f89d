from __future__ import annotations

import asyncio
from dataclasses import replace

from shared.domain.events import ImportReceived
from shared.log.policy import PoolPolicy
from shared.log.stage import per_record
from tests.support.kafka import Broker, create_topics, unique
from tests.support.replica import QUICK, Replica, committed, fill, place, running
from tests.support.waiting import until


async def test_a_stop_waits_for_work_in_flight_commits_it_and_begins_no_more(kafka: Broker) -> None:
    topic, group = unique("stop"), unique("group")
    await create_topics(kafka.bootstrap, {topic: 1, f"{topic}.dlq": 1})
    await fill(kafka.bootstrap, topic, range(100), partitions=1)
    begun: list[int] = []
    ended: list[int] = []
    go = asyncio.Event()

    async def handle(received: ImportReceived) -> None:
        begun.append(received.conversation_count)
        await go.wait()
        ended.append(received.conversation_count)

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


async def test_a_stop_begins_no_more_though_another_joins_meanwhile(kafka: Broker) -> None:
    topic, group = unique("leaver"), unique("group")
    await create_topics(kafka.bootstrap, {topic: 4, f"{topic}.dlq": 1})
    await fill(kafka.bootstrap, topic, range(60), partitions=4)
    begun: list[tuple[int, int]] = []
    go = asyncio.Event()

    async def handle(received: ImportReceived) -> None:
        begun.append(place(received, 4))
        await go.wait()

    async def nothing(_: ImportReceived) -> None:
        await asyncio.Event().wait()

    policy = PoolPolicy(ceiling=40, revoke_grace=0.1)  # more than two partitions hold: some stay ours
    leaver = Replica(
        kafka.bootstrap, topic, group, per_record("leaver", ImportReceived, handle), policy=policy,
        subscriber=replace(QUICK, drain=30.0),
    )  # fmt: skip
    await leaver.start()
    await until(lambda: len(begun) == 40)
    stopping = asyncio.create_task(leaver.stop())
    await until(lambda: leaver.pool.state().draining)
    joiner = Replica(
        kafka.bootstrap, topic, group, per_record("joiner", ImportReceived, nothing), policy=policy,
        subscriber=replace(QUICK, drain=0.1),
    )  # fmt: skip
    async with running(joiner):
        await until(lambda: leaver.value("soulprint_pool_rebalances_total", stage="leaver") >= 2)
        draining, paused = leaver.pool.state().draining, len(leaver.consumer_paused())
        go.set()
        await stopping
    assert draining
    assert paused == 2, "nothing is fetched to be thrown away"
    assert len(begun) == 40
