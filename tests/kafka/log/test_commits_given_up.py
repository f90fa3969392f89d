"""A commit that Kafka did not answer in time is given up: it must not be made later, over what was committed
since. Nobody would commit that again, once nothing more comes."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import TopicPartition

from shared.domain.events import ImportReceived
from shared.log.policy import PoolPolicy
from shared.log.stage import per_record
from tests.support.door import kafka_door
from tests.support.kafka import Broker, create_topics, unique
from tests.support.replica import Replica, committed, fill, running
from tests.support.waiting import until

IMPATIENT = PoolPolicy(commit_timeout=0.3)


def commits_under_way() -> int:
    """How many calls of the client are still to commit something."""
    coroutines = [task.get_coro() for task in asyncio.all_tasks()]
    return sum(each is not None and each.__qualname__ == "AIOKafkaConsumer.commit" for each in coroutines)


async def test_a_commit_given_up_in_silence_does_not_undo_a_later_one(kafka: Broker) -> None:
    topic, group = unique("given-up"), unique("group")
    await create_topics(kafka.bootstrap, {topic: 1})
    await fill(kafka.bootstrap, topic, [0, 1, 2], partitions=1)
    may_end = [asyncio.Event() for _ in range(3)]

    async def handle(event: ImportReceived) -> None:
        await may_end[event.conversation_count or 0].wait()

    async with kafka_door(kafka) as door:
        replica = Replica(
            door.address, topic, group, per_record("s", ImportReceived, handle), policy=IMPATIENT
        )
        async with running(replica):
            await until(lambda: replica.pool.state().in_flight == 3)
            may_end[0].set()
            await until(lambda: replica.value("soulprint_pool_commits_total", stage="s") == 1)
            door.swallow(new=False)
            may_end[1].set()
            await until(lambda: replica.value("soulprint_pool_commit_failures_total", stage="s") >= 1)
            may_end[2].set()
            door.cut()
            await until(lambda: replica.value("soulprint_pool_commits_total", stage="s") >= 2)
            await until(lambda: not commits_under_way())
            assert await committed(kafka.bootstrap, group, topic, 1) == [3]


async def test_what_an_older_commit_undid_is_committed_again(
    kafka: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sent before the silence, it may reach Kafka on its old connection after the new one's."""
    monkeypatch.setattr("shared.log.commits._LOOK_EVERY", 0.2)
    topic, group = unique("undone"), unique("group")
    await create_topics(kafka.bootstrap, {topic: 1})
    await fill(kafka.bootstrap, topic, [0, 1], partitions=1)

    async def handle(event: ImportReceived) -> None:
        return

    async def all_committed() -> bool:
        """both records are committed"""
        return await committed(kafka.bootstrap, group, topic, 1) == [2]

    replica = Replica(kafka.bootstrap, topic, group, per_record("s", ImportReceived, handle))
    async with running(replica):
        await until(all_committed)
        await replica.subscription.consumer.commit({TopicPartition(topic, 0): 1})
        await until(all_committed)
