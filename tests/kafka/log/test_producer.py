"""Topics that take nothing while somebody writes to them, deleted and made again,
and a producer that goes silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer
from prometheus_client import CollectorRegistry

from shared.domain.events import ImportReceived
from shared.log.kafka.connection import Connection
from shared.log.kafka.publisher import KAFKA, Publisher
from shared.log.metrics import PoolMetrics
from shared.log.policy import PoolPolicy
from shared.log.stage import per_record
from shared.resilience.backoff import Backoff
from shared.resilience.faults import LaneError
from shared.resilience.lane import Hold, Lane
from shared.resilience.retry import RetryPolicy
from tests.support.kafka import Broker, create_topics, delete_topics, unique
from tests.support.replica import Replica, committed, event, read_all, running
from tests.support.waiting import until

RETRY = RetryPolicy(backoff=Backoff(base=0.05, cap=0.2), attempts=3)


async def nothing(received: ImportReceived) -> None:
    return


@asynccontextmanager
async def publishing(kafka: Broker) -> AsyncIterator[Publisher]:
    metrics = PoolMetrics(CollectorRegistry())
    publisher = Publisher(Connection(kafka.bootstrap), source="test", pipeline="v2", metrics=metrics)
    await publisher.start()
    try:
        yield publisher
    finally:
        await publisher.close()


async def publish_until_taken(publisher: Publisher, topic: str, number: int) -> None:
    while True:
        try:
            return await publisher.publish(topic, str(number), event(number))
        except LaneError:
            continue


async def numbers(kafka: Broker, topic: str) -> list[int]:
    found = [ImportReceived.model_validate_json(r.value) for r in await read_all(kafka.bootstrap, topic)]
    return sorted(each.import_id.int for each in found)


@pytest.mark.slow
async def test_dead_letters_wait_for_their_topic_and_are_written_when_it_is_there_again(
    kafka: Broker,
) -> None:
    topic, group = unique("gone"), unique("group")
    letters = f"{topic}.dlq"
    await create_topics(kafka.bootstrap, {topic: 1, letters: 1})
    replica = Replica(
        kafka.bootstrap, topic, group, per_record("gone", ImportReceived, nothing),
        policy=PoolPolicy(retry=RETRY), request_timeout=1.0,
    )  # fmt: skip
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    try:
        async with running(replica):
            await producer.send_and_wait(topic, b"bad 0")
            await until(lambda: replica.value("soulprint_pool_records_total", stage="gone") == 1)
            await delete_topics(kafka.bootstrap, letters)
            # The first is in a batch when the topic is found to be gone, the others wait to hear of it.
            await producer.send_and_wait(topic, b"bad 1")
            client = replica.publisher._producer
            assert client is not None
            await until(lambda: client.unknown([letters], 0.0) == [letters])
            await producer.send_and_wait(topic, b"bad 2")
            await producer.send_and_wait(topic, b"bad 3")
            holds = replica.pool.lane.holds
            await until(lambda: letters in holds.get("dead letters", Hold("")).reason)
            assert await committed(kafka.bootstrap, group, topic, 1) == [1]
            await create_topics(kafka.bootstrap, {letters: 1})
            await until(lambda: replica.value("soulprint_pool_records_total", stage="gone") == 4)
            await until(lambda: not replica.pool.lane.paused)
    finally:
        await producer.stop()
    found = {r.value for r in await read_all(kafka.bootstrap, letters)}
    assert found == {b"bad 1", b"bad 2", b"bad 3"}
    assert await committed(kafka.bootstrap, group, topic, 1) == [4]


async def test_a_record_refused_for_a_topic_that_is_gone_does_not_come_later(
    kafka: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.log.kafka.publisher._MISSING", 0.5)
    topic = unique("late")
    await create_topics(kafka.bootstrap, {topic: 1})
    async with publishing(kafka) as publisher:
        await publisher.publish(topic, "k", event(1))
        await delete_topics(kafka.bootstrap, topic)
        with pytest.raises(LaneError, match=f"no topic {topic}; make it with `soulprint topics create`"):
            await publisher.publish(topic, "k", event(2))
        await create_topics(kafka.bootstrap, {topic: 1})
        await publish_until_taken(publisher, topic, 3)
    assert await numbers(kafka, topic) == [3]


async def test_a_topic_made_anew_with_fewer_partitions_takes_what_is_published(kafka: Broker) -> None:
    topic = unique("fewer")
    await create_topics(kafka.bootstrap, {topic: 4})
    async with publishing(kafka) as publisher:
        for number in range(8):
            await publisher.publish(topic, str(number), event(number))
        await delete_topics(kafka.bootstrap, topic)
        sends = [asyncio.create_task(publish_until_taken(publisher, topic, n)) for n in range(8)]
        await create_topics(kafka.bootstrap, {topic: 1})
        async with asyncio.timeout(20):
            await asyncio.gather(*sends)
    assert set(await numbers(kafka, topic)) == set(range(8))


async def test_a_producer_to_which_nothing_is_acknowledged_is_replaced(
    kafka: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.log.kafka.publisher._STALLED", 0.2)
    monkeypatch.setattr("shared.log.kafka.publisher._HOPELESS", 1.0)
    topic, lane = unique("unheard"), Lane()
    held: list[bool] = []
    lane.watch(held.append)
    await create_topics(kafka.bootstrap, {topic: 1})
    async with publishing(kafka) as publisher:
        publisher.feed(lane)
        await publisher.publish(topic, "k", event(1))
        first = publisher._producer
        assert first is not None
        first._client._sender.sender_task.cancel()  # what an error in the client would leave: nobody sends
        sending = asyncio.create_task(publisher.publish(topic, "k", event(2)))
        await until(lambda: "no acknowledgement" in lane.holds.get(KAFKA, Hold("")).reason)
        assert publisher.alive
        await asyncio.wait_for(sending, 30)
        assert publisher._producer is not first
        await until(lambda: not lane.paused)
    assert held == [True, False]
    assert await numbers(kafka, topic) == [1, 2]
