"""Reading topics of Kafka beside their readers."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.client import AIOKafkaClient

from shared.domain.events import ImportReceived
from shared.log.kafka.connection import Connection
from shared.log.kafka.reading import AT_ONCE, FETCH_BYTES, KafkaReading
from shared.log.ports import LogUnavailableError, TopicLostError
from shared.log.reading import RawRecord, Span
from tests.support.kafka import Broker, create_topics, delete_topics, unique
from tests.support.ports import free_port
from tests.support.replica import fill, read_all

PARTITIONS = AT_ONCE + 3


async def all_of(reading: KafkaReading, topic: str, spans: dict[int, Span]) -> list[RawRecord]:
    return [record async for records in reading.read(topic, spans) for record in records]


async def test_spans_of_many_partitions_are_read_each_in_order(kafka: Broker) -> None:
    prefix, topic = unique("stage") + ".", "reading"
    await create_topics(kafka.bootstrap, {prefix + topic: PARTITIONS})
    await fill(kafka.bootstrap, prefix + topic, range(10 * PARTITIONS), partitions=PARTITIONS)
    reading = KafkaReading(Connection(kafka.bootstrap), prefix)
    spans = await reading.spans(topic)
    assert spans == {number: Span(0, 10) for number in range(PARTITIONS)}
    found = await all_of(reading, topic, {number: Span(2, 2 + number % 5) for number in spans})
    assert {each.topic for each in found} == {prefix + topic}
    for number in spans:
        inside = [each for each in found if each.partition == number]
        assert [each.offset for each in inside] == list(range(2, 2 + number % 5))
        numbers = [reading.decode(each, ImportReceived).conversation_count for each in inside]
        assert numbers == [number + each.offset * PARTITIONS for each in inside]
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    groups = await admin.list_consumer_groups()
    await admin.close()
    assert not [group for group, *_ in groups if prefix in group], "it is of no group"


async def test_ends_are_found_behind_gaps_and_behind_what_retention_took(kafka: Broker) -> None:
    """The last offset of each partition is a transaction's marker, which is no record."""
    topic = unique("gaps")
    await create_topics(kafka.bootstrap, {topic: 2})
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=topic)
    await producer.start()
    for value in (b"1", b"2", b"3"):
        async with producer.transaction():
            await producer.send_and_wait(topic, value, partition=0)
            await producer.send_and_wait(topic, value, partition=1)
    await producer.stop()
    reading = KafkaReading(Connection(kafka.bootstrap))
    spans = await reading.spans(topic)
    assert spans == {0: Span(0, 6), 1: Span(0, 6)}
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=4)})
    await admin.delete_records({TopicPartition(topic, 1): RecordsToDelete(before_offset=6)})
    await admin.close()
    assert [(each.partition, each.value) for each in await all_of(reading, topic, dict(spans))] == [(0, b"3")]
    assert await reading.spans(topic) == {0: Span(4, 6), 1: Span(6, 6)}
    assert await reading.spans(topic, since=0) == {0: Span(4, 6), 1: Span(6, 6)}


async def test_a_large_topic_comes_in_small_pieces(kafka: Broker) -> None:
    topic = unique("large")
    await create_topics(kafka.bootstrap, {topic: 1})
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    for _ in range(40):
        await producer.send_and_wait(topic, bytes(500_000))
    await producer.stop()
    reading = KafkaReading(Connection(kafka.bootstrap))
    async with aclosing(reading.read(topic, await reading.spans(topic))) as batches:
        sizes = [sum(len(each.value or b"") for each in records) async for records in batches]
    assert sum(sizes) == 40 * 500_000
    assert max(sizes) <= 2 * FETCH_BYTES


async def test_a_topic_that_is_deleted_meanwhile_and_a_broker_that_is_not_there_end_it(
    kafka: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = unique("deleted")
    await create_topics(kafka.bootstrap, {topic: 1})
    await fill(kafka.bootstrap, topic, range(3), partitions=1)
    reading = KafkaReading(Connection(kafka.bootstrap))
    spans = dict(await reading.spans(topic))
    assert len(await read_all(kafka.bootstrap, topic)) == 3
    await delete_topics(kafka.bootstrap, topic)
    with pytest.raises(TopicLostError, match=topic):  # of its own, long before its patience ends
        await all_of(reading, topic, spans)
    await create_topics(kafka.bootstrap, {topic: 1})
    look = AIOKafkaClient.fetch_all_metadata

    async def look_before(client: AIOKafkaClient) -> Any:
        seen = await look(client)
        await delete_topics(kafka.bootstrap, topic)
        return seen

    monkeypatch.setattr(AIOKafkaClient, "fetch_all_metadata", look_before)
    with pytest.raises(TopicLostError, match=topic):
        await reading.spans(topic)
    monkeypatch.undo()
    nowhere = KafkaReading(Connection(f"127.0.0.1:{free_port()}"), patience=1.0)
    with pytest.raises(LogUnavailableError):
        await nowhere.spans(topic)
