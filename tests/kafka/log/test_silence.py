"""Connections to Kafka that go silent while those that are made later pass."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry

from shared.domain.errors import SoulprintError
from shared.log.kafka.connection import Connection
from shared.log.kafka.publisher import Publisher
from shared.log.metrics import PoolMetrics
from tests.support.door import kafka_door
from tests.support.kafka import Broker, create_topics, unique
from tests.support.replica import event, read_all
from tests.support.waiting import until


async def test_a_publisher_whose_only_connection_went_silent_before_a_topic_was_known(kafka: Broker) -> None:
    before, topic = unique("before"), unique("silent")
    await create_topics(kafka.bootstrap, {before: 1, topic: 1})
    async with kafka_door(kafka) as door:
        publisher = Publisher(
            Connection(door.address),
            source="test",
            pipeline="v2",
            metrics=PoolMetrics(CollectorRegistry()),
            request_timeout=1.0,
        )
        await publisher.start()
        await publisher.publish(before, "k", event())
        door.swallow(new=False)

        async def published() -> bool:
            """the record gets through on a new connection"""
            try:
                async with asyncio.timeout(15):
                    await publisher.publish(topic, "k", event())
            except (SoulprintError, TimeoutError):  # a stage tries again
                return False
            return True

        await until(published)
        await publisher.close()
    assert len(await read_all(kafka.bootstrap, topic)) == 1
