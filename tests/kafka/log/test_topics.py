from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from shared.log.kafka.topics import Drift, TopicError, ensure_topics, find_drift
from shared.pipelines import all_topics
from tests.support.kafka import Broker, unique


@pytest.fixture
async def admin(kafka: Broker) -> AsyncIterator[AIOKafkaAdminClient]:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await client.start()
    yield client
    await client.close()


async def test_topics_are_made_once_and_a_second_time_changes_nothing(admin: AIOKafkaAdminClient) -> None:
    specs = all_topics(unique("v"))[2:]
    created, drift = await ensure_topics(admin, specs)
    assert created == [s.name for s in specs]
    assert drift == []
    assert await ensure_topics(admin, specs) == ([], [])
    assert await find_drift(admin, specs) == []


async def test_drift_is_told_and_left_alone(admin: AIOKafkaAdminClient) -> None:
    (spec,) = all_topics(unique("v"))[2:3]
    await ensure_topics(admin, [spec])
    other = replace(spec, partitions=spec.partitions + 1, retention_ms=5000)
    created, drift = await ensure_topics(admin, [other])
    assert created == []
    assert drift == [
        Drift(spec.name, "partitions", str(spec.partitions + 1), str(spec.partitions)),
        Drift(spec.name, "retention.ms", "5000", str(spec.retention_ms)),
    ]
    assert await find_drift(admin, [spec]) == []
    assert await find_drift(admin, [replace(spec, name="nowhere")]) == [
        Drift("nowhere", "missing", "a topic", "none")
    ]


async def test_what_kafka_refuses_is_told_by_name(admin: AIOKafkaAdminClient) -> None:
    (spec,) = all_topics(unique("v"))[2:3]
    with pytest.raises(TopicError, match="bad name"):
        await ensure_topics(admin, [replace(spec, name="bad name")])
    with pytest.raises(TopicError, match="replication"):
        await ensure_topics(admin, [spec], replication=3)
