"""What the design leans on in FastStream and aiokafka, one test each, so that an upgrade that changes it is
noticed. The other facts are tested where the pool shows them: lane pause, broker loss, dead letters."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import IllegalStateError

from shared.domain.events import ImportReceived
from shared.log.kafka.connection import Connection
from shared.log.kafka.publisher import TOO_LARGE, Publisher
from shared.log.stage import per_record
from shared.resilience.faults import LaneError, PoisonError
from tests.support.kafka import Broker, create_topics, unique
from tests.support.records import memory_of
from tests.support.replica import Replica, committed, event, fill, read_all, running, wire
from tests.support.waiting import until


async def nothing(received: ImportReceived) -> None:
    return


async def test_a_batch_goes_from_the_client_to_the_pool_without_a_pause(kafka: Broker) -> None:
    # Otherwise a rebalance could come in between, and an old batch be taken for one of the new assignment.
    topic = unique("straight")
    await create_topics(kafka.bootstrap, {topic: 1, f"{topic}.dlq": 1})
    replica = Replica(
        kafka.bootstrap, topic, unique("group"), per_record("straight", ImportReceived, nothing)
    )
    async with running(replica):
        await fill(kafka.bootstrap, topic, [1], partitions=1)
        await until(lambda: replica.value("soulprint_pool_records_total", stage="straight") == 1)
        seen: list[Any] = []
        replica.pool.submit = seen.append
        records = tuple(await read_all(kafka.bootstrap, topic))
        going = replica.subscription._subscriber.consume(records)
        with pytest.raises(StopIteration):
            going.send(None)
        assert seen == [records]


async def test_nothing_is_delivered_before_the_assignment_was_told(kafka: Broker) -> None:
    topic = unique("order")
    await create_topics(kafka.bootstrap, {topic: 4})
    await fill(kafka.bootstrap, topic, range(400), partitions=4)
    order: list[str] = []

    class Listener(ConsumerRebalanceListener):
        async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
            order.append("revoked")

        def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
            order.append("assigned")

    def consumer() -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=kafka.bootstrap, group_id=group, auto_offset_reset="earliest",
            enable_auto_commit=False, heartbeat_interval_ms=200,
        )  # fmt: skip

    group = unique("group")
    first, second = consumer(), consumer()
    first.subscribe([topic], listener=Listener())
    second.subscribe([topic])
    await first.start()

    async def poll() -> None:
        while True:
            if await first.getmany(timeout_ms=20, max_records=10):
                order.append("records")

    polling = asyncio.create_task(poll())
    try:
        await until(lambda: "records" in order)
        await second.start()
        await until(lambda: order.count("assigned") >= 2 and order[-1] == "records")
        steps = [now for before, now in zip(["", *order], order, strict=False) if now != before]
        assert "records revoked assigned" in " ".join(steps)
        assert "revoked records" not in " ".join(steps)
    finally:
        polling.cancel()
        await asyncio.wait([polling])
        await first.stop()
        await second.stop()


async def test_a_rebalance_forgets_what_was_paused_and_what_a_commit_may_hold(kafka: Broker) -> None:
    topic, group = unique("pause"), unique("group")
    await create_topics(kafka.bootstrap, {topic: 2})
    first = AIOKafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap, group_id=group, enable_auto_commit=False,
        heartbeat_interval_ms=200,
    )  # fmt: skip
    second = AIOKafkaConsumer(topic, bootstrap_servers=kafka.bootstrap, group_id=group)
    await first.start()
    try:
        first.pause(*first.assignment())
        assert len(first.paused()) == 2
        await second.start()
        await until(lambda: len(first.assignment()) == 1)
        assert first.paused() == set()
        lost = {TopicPartition(topic, 0), TopicPartition(topic, 1)} - first.assignment()
        with pytest.raises(IllegalStateError):
            await first.commit(dict.fromkeys(first.assignment() | lost, 0))
        with pytest.raises(ValueError, match=r"\{\}"):
            await first.commit({})
        with pytest.raises(IllegalStateError):
            first.pause(*lost)
    finally:
        await first.stop()
        await second.stop()


async def test_a_cancelled_revoke_does_not_end_the_group_coordination(kafka: Broker) -> None:
    topic, group = unique("cancel"), unique("group")
    await create_topics(kafka.bootstrap, {topic: 2, f"{topic}.dlq": 1})
    first, second = (
        Replica(kafka.bootstrap, topic, group, per_record("cancel", ImportReceived, nothing))
        for _ in range(2)
    )

    async def cancelled() -> None:
        raise asyncio.CancelledError

    first.pool.revoked = cancelled
    async with running(first, second):
        await until(lambda: len(first.subscription.consumer.assignment()) == 1)
        state = first.subscription.state()
        assert state.coordinating
        assert state.polling
        await fill(kafka.bootstrap, topic, range(50), partitions=2)
        await until(
            lambda: (
                sum(r.value("soulprint_pool_records_total", stage="cancel") for r in (first, second)) >= 50
            )
        )
    assert sum(await committed(kafka.bootstrap, group, topic, 2)) == 50


async def test_create_topics_does_not_raise_and_says_36_for_one_that_exists(kafka: Broker) -> None:
    topic = unique("twice")
    await create_topics(kafka.bootstrap, {topic: 1})
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(topic, 1, 1)])
        assert answer.topic_errors[0][:2] == (topic, 36)
    finally:
        await admin.close()


async def test_an_event_over_the_limit_is_poison_and_the_publisher_stays_usable(kafka: Broker) -> None:
    topic = unique("large")
    await create_topics(kafka.bootstrap, {topic: 1})
    replica = Replica(kafka.bootstrap, topic, unique("g"), per_record("large", ImportReceived, nothing))
    publisher: Publisher = replica.publisher
    await publisher.start()
    try:
        with pytest.raises(PoisonError, match="the limit is 1000000") as caught:
            await publisher.publish(topic, "key", memory_of(memory_md="x" * 1_000_000))
        assert caught.value.reason == TOO_LARGE
        # The broker's own limit, below the client's: refused there, and nothing is broken by it.
        noise = random.Random(1).randbytes(1_200_000)
        with pytest.raises(PoisonError, match="too large for"):
            await publisher.send(topic, key=None, value=noise, headers=[])
        await publisher.publish(topic, "key", event(2))
    finally:
        await publisher.close()
    await publisher.close()
    with pytest.raises(LaneError, match="closed"):
        await publisher.publish(topic, "key", event(3))
    (record,) = await read_all(kafka.bootstrap, topic)
    assert record.key == b"key"
    assert record.value == wire(2)[0]
    assert replica.value("soulprint_publisher_producers_replaced_total") == 0


async def test_zstd_is_there(kafka: Broker) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, compression_type="zstd")
    await producer.start()
    await producer.stop()


async def test_the_asyncapi_document_shows_the_event_of_the_topic(kafka: Broker) -> None:
    replica = Replica(kafka.bootstrap, "import.received.v2", "g", per_record("doc", ImportReceived, nothing))
    document = replica.app.schema.to_specification().to_jsonable()
    assert "ImportReceived" in document["components"]["schemas"]
    assert any("import.received.v2" in str(channel) for channel in document["channels"].values())


def test_wrong_credentials_are_refused_before_anything_starts() -> None:
    with pytest.raises(Exception, match="username and password"):
        Connection("localhost:1", security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512", username="me")
