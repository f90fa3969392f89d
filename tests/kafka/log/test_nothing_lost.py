from __future__ import annotations

import asyncio
import random
from collections import Counter
from functools import partial

import pytest

from shared.domain.events import ImportReceived
from shared.log.policy import PoolPolicy
from shared.log.stage import per_record
from shared.resilience.backoff import Backoff
from shared.resilience.faults import LaneError, TransientError
from shared.resilience.lane import Lane
from shared.resilience.retry import RetryPolicy
from tests.support.kafka import Broker, create_topics, unique
from tests.support.replica import Replica, committed, fill, place
from tests.support.waiting import until

RECORDS = 20_000
PARTITIONS = 6


@pytest.mark.slow
async def test_random_faults_latencies_and_replicas_that_come_and_go_lose_nothing(kafka: Broker) -> None:
    topic, group = unique("storm"), unique("group")
    await create_topics(kafka.bootstrap, {topic: PARTITIONS, f"{topic}.dlq": 1})
    await fill(kafka.bootstrap, topic, range(RECORDS), partitions=PARTITIONS)
    chance = random.Random(20240501)
    handled: Counter[tuple[int, int]] = Counter()

    async def handle(received: ImportReceived) -> None:
        luck = chance.random()
        if luck < 0.02:
            raise TransientError("try again")
        if luck < 0.0205:
            raise LaneError("nothing works")
        await asyncio.sleep(0.2 if luck > 0.999 else chance.random() * 0.004)
        handled[place(received, PARTITIONS)] += 1

    policy = PoolPolicy(
        ceiling=16, high=400, low=100, run_ahead=300, revoke_grace=1.0,
        retry=RetryPolicy(backoff=Backoff(base=0.01, cap=0.05), attempts=20),
    )  # fmt: skip

    def replica() -> Replica:
        lane = Lane(backoff=Backoff(base=0.02, cap=0.05))
        return Replica(
            kafka.bootstrap,
            topic,
            group,
            per_record("storm", ImportReceived, handle),
            policy=policy,
            lane=lane,
        )

    def reached(goal: int) -> bool:
        return len(handled) >= goal

    async def never_past_the_unfinished() -> None:
        for partition, offset in enumerate(await committed(kafka.bootstrap, group, topic, PARTITIONS)):
            undone = [o for o in range(offset) if not handled[partition, o]]
            assert not undone, f"committed {offset} on {partition}, undone {undone[:5]}"

    replicas = [replica()]
    await replicas[0].start()
    joins = 1
    while len(handled) < RECORDS and joins < 12:
        goal = min(RECORDS, len(handled) + 1500)
        await until(partial(reached, goal), 150)
        if len(replicas) < 3:
            replicas.append(replica())
            await replicas[-1].start()
            joins += 1
        else:
            await replicas.pop(chance.randrange(3)).stop()
        await never_past_the_unfinished()
    await until(lambda: len(handled) == RECORDS, 60)

    async def all_committed() -> bool:
        """all is committed, by replicas that are not between two assignments"""
        return sum(await committed(kafka.bootstrap, group, topic, PARTITIONS)) == RECORDS

    await until(all_committed)
    for left in replicas:
        await left.stop()
    await never_past_the_unfinished()
    # Each rebalance may repeat what ran ahead of the watermarks, no more.
    assert handled.total() - RECORDS <= 2 * joins * policy.run_ahead * PARTITIONS
