"""A replica in the test's own process: a pool on a real Kafka, with what a test wants to see of it."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from faststream import FastStream
from faststream.kafka import KafkaBroker
from prometheus_client import CollectorRegistry

from shared.domain.events import ImportReceived
from shared.log.deadletter import DeadLetter, bury
from shared.log.kafka.cloudevents import CloudEvents, encode
from shared.log.kafka.connection import Connection
from shared.log.kafka.publisher import Publisher
from shared.log.kafka.subscriber import SubscriberPolicy, Subscription, application, broker_for
from shared.log.metrics import PoolMetrics
from shared.log.policy import PoolPolicy
from shared.log.pool import Pool
from shared.log.stage import Stage
from shared.resilience.lane import Lane

QUICK = SubscriberPolicy(session_timeout=6000, heartbeat_interval=200, rebalance_timeout=10_000, drain=5.0)


class Replica:
    """One consumer, its pool and its publisher. Use `running`."""

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        group: str,
        stage: Stage[Any],
        *,
        policy: PoolPolicy | None = None,
        subscriber: SubscriberPolicy = QUICK,
        lane: Lane | None = None,
        request_timeout: float = 30.0,
    ) -> None:
        self.connection = Connection(bootstrap)
        self.registry = CollectorRegistry()
        self.metrics = PoolMetrics(self.registry)
        self.publisher = Publisher(
            self.connection,
            source=stage.name,
            pipeline="v2",
            metrics=self.metrics,
            request_timeout=request_timeout,
        )
        self.broker: KafkaBroker = broker_for(self.connection, stage.name)
        self.pool: Pool[Any] = Pool(
            stage,
            reader=CloudEvents(),
            bury=self.bury,
            metrics=self.metrics,
            policy=policy,
            lane=lane,
        )
        self.subscription = Subscription(self.broker, topic, group, self.pool, subscriber)
        self.app: FastStream = application(self.connection, self.broker, [self.subscription], self.publisher)

    async def bury(self, letter: DeadLetter) -> None:
        await bury(letter, self.publisher)

    async def start(self) -> None:
        await self.app.start()

    async def stop(self) -> None:
        await self.app.stop()

    def consumer_paused(self) -> set[TopicPartition]:
        """The partitions that the client has paused now."""
        return set(self.subscription.consumer.paused())

    def value(self, metric: str, **labels: str) -> float:
        """The value of a metric, 0 if it has none."""
        return self.registry.get_sample_value(metric, labels) or 0.0


@asynccontextmanager
async def running(*replicas: Replica) -> AsyncIterator[None]:
    """The replicas, started and in the end stopped."""
    started: list[Replica] = []
    try:
        for replica in replicas:
            await replica.start()
            started.append(replica)
        yield
    finally:
        for replica in started:
            await replica.stop()


def event(number: int = 1) -> ImportReceived:
    """An event that carries a number."""
    return ImportReceived(
        import_id=uuid.UUID(int=number),
        user_id=uuid.UUID(int=7),
        run=1,
        source="exports/",
        requested_at=datetime(2024, 5, 1, tzinfo=UTC),
        conversation_count=number,
    )


def wire(number: int = 1) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Value and headers of such an event."""
    return encode(event(number), source="test", pipeline="v2")


def place(event: ImportReceived, partitions: int) -> tuple[int, int]:
    """Partition and offset of an event that `fill` put on an empty topic, from 0 on."""
    number = event.conversation_count or 0
    return number % partitions, number // partitions


async def fill(bootstrap: str, topic: str, numbers: Sequence[int], *, partitions: int) -> None:
    """Put events on a topic, spread evenly over its partitions."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, max_batch_size=512 * 1024, linger_ms=5, compression_type="zstd"
    )
    await producer.start()
    try:
        futures = []
        for number in numbers:
            value, headers = wire(number)
            future = await producer.send(topic, value, partition=number % partitions, headers=headers)
            futures.append(future)
        for future in futures:
            await future
    finally:
        await producer.stop()


async def read_all(bootstrap: str, topic: str, partitions: int = 1) -> list[Any]:
    """Every record of a topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        tps = [TopicPartition(topic, p) for p in range(partitions)]
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        records: list[Any] = []
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for found in (await consumer.getmany(timeout_ms=200)).values():
                records += found
        return records
    finally:
        await consumer.stop()


async def committed(bootstrap: str, group: str, topic: str, partitions: int) -> list[int]:
    """The committed offsets of a group, 0 where there is none."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        found = [await consumer.committed(TopicPartition(topic, p)) for p in range(partitions)]
        return [offset or 0 for offset in found]
    finally:
        await consumer.stop()


async def members(bootstrap: str, group: str) -> list[str]:
    """The ids of a group's members."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        (answer,) = await admin.describe_consumer_groups([group])
        return [member[0] for member in answer.groups[0][5]]
    finally:
        await admin.close()
