"""Services on a real Postgres and either log, in the test's own process; on Kafka also as processes to be
killed. The log in memory: `tests.support.local`."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from prometheus_client import CollectorRegistry

from shared.domain.events import Event, ImportReceived
from shared.host.host import Host
from shared.host.service import Opener
from shared.host.services import opener_of
from shared.log.kafka.client import KafkaLog
from shared.log.kafka.connection import Connection
from shared.log.kafka.publisher import Publisher
from shared.log.kafka.topics import ensure_topics
from shared.log.metrics import PoolMetrics
from shared.log.ports import Log
from shared.pipelines import IMPORT_RECEIVED, SERVICES, all_topics, prefixed, services_of, topic
from shared.settings import Settings, load_settings
from shared.store.runs import RunRow
from shared.store.store import Store
from tests.support.command import Finished
from tests.support.replica import committed, read_all
from tests.support.waiting import until

HOSTED = ("router", *services_of("v2"))
"""What takes an import from the log to its memory. Quickpass and the gateway stand beside them, and are
hosted where a test asks for them."""
PARTITIONS = 6
"""Enough for three replicas; the table's 48 cost every rebalance of a test."""


class AnySetting(ABC):
    """One pipeline of a test's own, on whichever log, over a database of its own."""

    database: str
    root: Path
    pipeline: str
    changes: dict[str, Any]
    prefix: str
    """Stands before the name of every topic."""

    def environment(self) -> dict[str, str]:
        """The settings as a process gets them."""
        given = {
            "database_url": self.database,
            "import_roots": self.root,
            "pipeline": self.pipeline,
            "metrics_port": 0,
            "gateway_port": 0,
            "sweep_seconds": 0.3,
            **self.of_log(),
            **self.changes,
        }
        return {f"SOULPRINT_{name.upper()}": str(value) for name, value in given.items()}

    def settings(self) -> Settings:
        given = {name.removeprefix("SOULPRINT_").lower(): value for name, value in self.environment().items()}
        return load_settings(**given)

    def topic(self, name: str, *, dead: bool = False) -> str:
        """Its whole name on the log."""
        return self.prefix + topic(name, self.pipeline, dead=dead)

    @property
    def entrance(self) -> str:
        """The whole name of the topic that the router reads."""
        return self.prefix + topic(IMPORT_RECEIVED)

    @abstractmethod
    def of_log(self) -> dict[str, object]:
        """The settings that say where the log is."""

    @abstractmethod
    def open_log(self, settings: Settings, metrics: PoolMetrics) -> Log:
        """The log for services in this process."""

    @abstractmethod
    async def publish(self, to: str, *events: Event, key: str = "k") -> None:
        """Put events on a topic, as a service would."""

    async def import_of(
        self, source: Path | str, user_id: UUID | None = None, **changes: Any
    ) -> ImportReceived:
        """Publish an import behind the router; its event."""
        event = self.event_of(source, user_id, **changes)
        await self.publish(self.topic(IMPORT_RECEIVED), event)
        return event

    def event_of(self, source: Path | str, user_id: UUID | None = None, **changes: Any) -> ImportReceived:
        """The event of an import, its first run unless it is said otherwise."""
        fields: dict[str, Any] = {
            "import_id": uuid4(),
            "user_id": user_id or uuid4(),
            "run": 1,
            "source": str(source),
            "requested_at": datetime.now(UTC),
        }
        return ImportReceived(**(fields | changes))


@dataclass
class Setting(AnySetting):
    """A pipeline on the session's Kafka."""

    bootstrap: str
    database: str
    root: Path
    pipeline: str = "v2"
    prefix: str = field(default_factory=lambda: f"t{random.randrange(10**6, 10**9)}.")
    changes: dict[str, Any] = field(default_factory=dict)

    def of_log(self) -> dict[str, object]:
        """See AnySetting."""
        return {"kafka_bootstrap_servers": self.bootstrap, "kafka_prefix": self.prefix}

    def open_log(self, settings: Settings, metrics: PoolMetrics) -> Log:
        """See AnySetting."""
        return KafkaLog.of(settings, metrics)

    async def make_topics(self) -> None:
        specs = [
            replace(spec, partitions=min(spec.partitions, PARTITIONS))
            for spec in prefixed(all_topics(self.pipeline), self.prefix)
        ]
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap)
        await admin.start()
        try:
            await ensure_topics(admin, specs)
        finally:
            await admin.close()

    def group(self, service: str) -> str:
        """The whole name of a service's consumer group."""
        return self.prefix + SERVICES[service].group(self.pipeline)

    async def publish(self, to: str, *events: Event, key: str = "k") -> None:
        """See AnySetting."""
        publisher = Publisher(
            Connection(self.bootstrap),
            source="test",
            pipeline=self.pipeline,
            metrics=PoolMetrics(CollectorRegistry()),
        )
        await publisher.start()
        try:
            await asyncio.gather(*(publisher.publish(to, key, event) for event in events))
        finally:
            await publisher.close()

    async def ends(self, name: str) -> list[int]:
        """The end offset of each partition of a topic."""
        async with self._consumer() as consumer:
            partitions = [TopicPartition(self.topic(name), n) for n in range(PARTITIONS)]
            found = await consumer.end_offsets(partitions)
        return [found[partition] for partition in partitions]

    async def count(self, name: str) -> int:
        """How many records were ever put on a topic."""
        return sum(await self.ends(name))

    async def published(self, name: str, count: int) -> bool:
        """Whether so many records are on a topic."""
        return await self.count(name) >= count

    async def lose(self, name: str, service: str, partitions: Sequence[int] = range(PARTITIONS)) -> int:
        """Consume records away, as a service that commits what it did not do; answers how many."""
        group = self.group(service)
        ends = await self.ends(name)
        async with self._consumer(group) as consumer:
            lost = {TopicPartition(self.topic(name), n): ends[n] for n in partitions if ends[n]}
            consumer.assign(list(lost))
            await consumer.commit(lost)
        return sum(lost.values())

    async def read_anew(self, topic: str, service: str) -> None:
        """Have a service, which must not run, begin its topic again."""
        async with self._consumer(self.group(service)) as consumer:
            first = {TopicPartition(topic, n): 0 for n in range(PARTITIONS)}
            consumer.assign(list(first))
            await consumer.commit(first)

    @asynccontextmanager
    async def _consumer(self, group: str | None = None) -> AsyncIterator[Any]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, group_id=group, enable_auto_commit=False
        )
        await consumer.start()
        try:
            yield consumer
        finally:
            await consumer.stop()

    async def repeat(self, name: str) -> None:
        """Put every record of a topic on it once more."""
        for record in await read_all(self.bootstrap, self.topic(name), PARTITIONS):
            await self.send_raw(name, record.value, record.key, record.headers)

    async def send_raw(
        self, name: str, value: bytes | None, key: bytes = b"k", headers: Sequence[tuple[str, bytes]] = ()
    ) -> None:
        """Put anything on a topic."""
        await self.send_all(self.topic(name), [(key, value, headers)])

    async def send_all(
        self, to: str, records: Sequence[tuple[bytes, bytes | None, Sequence[tuple[str, bytes]]]]
    ) -> None:
        """Put any records (key, value, headers) on a topic, in this order."""
        producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap)
        await producer.start()
        try:
            for key, value, headers in records:
                await producer.send_and_wait(to, value, key=key, headers=list(headers))
        finally:
            await producer.stop()


@asynccontextmanager
async def hosted(
    setting: AnySetting, services: Sequence[str] = HOSTED, *, sole: str | None = None, **openers: Opener
) -> AsyncIterator[Host]:
    """Services in this process, consuming; by default those of one pipeline, and the router."""
    host = Host(
        {name: openers.get(name) or opener_of(name) for name in services},
        setting.settings(),
        CollectorRegistry(),
        open_log=setting.open_log,
        sole=sole,
    )
    running = asyncio.create_task(host.run())
    ready = asyncio.create_task(host.ready.wait())
    try:
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED, timeout=60)
        if running.done():
            running.result()
        assert ready.done(), "the services did not start"
        yield host
    finally:
        ready.cancel()
        host.stop()
        await running


async def ended(store: Store, event: ImportReceived, seconds: float = 60.0) -> RunRow:
    """The run of an import once it has ended."""
    found: list[RunRow] = []

    async def has_ended() -> bool:
        found[:] = [r for r in await store.list_runs(event.import_id) if r.run == event.run and r.ended]
        return bool(found)

    has_ended.__doc__ = f"import {event.import_id} run {event.run} ends"
    await until(has_ended, seconds)
    return found[0]


def submitted(finished: Finished, user_id: UUID) -> ImportReceived:
    """The event that `soulprint submit --json` published."""
    assert finished.code == 0, finished.err
    answer = finished.json()
    return ImportReceived(
        import_id=answer["import_id"],
        user_id=user_id,
        run=answer["run"],
        source="",
        requested_at=datetime.now(UTC),
    )


_COMPARED = {
    "statement",
    "quote",
    "message_ids",
    "conversation_id",
    "stated_at",
    "status",
    "support",
    "topic",
}


async def facts_of(store: Store, user_id: UUID) -> list[dict[str, Any]]:
    """All facts that a user's memory rests on, merged and superseded ones too, without their ids."""
    facts: list[Any] = []
    after = None
    while page := await store.list_facts(user_id, after, 1000):
        facts += page
        after = page[-1].key
    return sorted((fact.model_dump(mode="json", include=_COMPARED) for fact in facts), key=repr)


def ignored(host: Host, service: str, reason: str) -> float:
    """How many events a service of this process ignored for this reason."""
    labels = {"stage": service, "reason": reason}
    return host.registry.get_sample_value("soulprint_events_ignored_total", labels) or 0.0


async def reasons(setting: Setting, name: str) -> list[str]:
    """Why the dead letters of a topic were set aside."""
    letters = await read_all(setting.bootstrap, setting.topic(name, dead=True))
    return [dict(letter.headers)["dlq_reason"].decode() for letter in letters]


async def caught_up(setting: Setting, name: str, service: str) -> None:
    """Return when a service has committed everything on its topic."""
    to, group = setting.topic(name), setting.group(service)

    async def has() -> bool:
        ends = await setting.ends(name)
        return await committed(setting.bootstrap, group, to, PARTITIONS) == ends

    has.__doc__ = f"{service} has caught up with {to}"
    await until(has)
