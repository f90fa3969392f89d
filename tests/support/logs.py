"""Both logs behind one face: topics of a test's own, readers on them, and what became of their events."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, Self

from prometheus_client import CollectorRegistry

from shared.domain.events import Event, ImportReceived
from shared.log.health import PoolState
from shared.log.kafka.client import KafkaLog
from shared.log.kafka.connection import Connection
from shared.log.local import LocalLog
from shared.log.metrics import PoolMetrics
from shared.log.ports import Consumption, Log, LogClient, Publisher
from shared.log.stage import Stage
from tests.support.kafka import create_topics, unique
from tests.support.replica import QUICK, event, read_all


class Letter(NamedTuple):
    """What a dead letter says."""

    reason: str
    attempts: int
    stage: str
    offset: int


class Reader:
    """A client that consumes."""

    def __init__(self, client: LogClient) -> None:
        self.client = client

    @property
    def state(self) -> PoolState:
        """Its pool as it is now."""
        found = self.client.state()
        assert found is not None, "it was stopped"
        return found[0]


class LogUnderTest(ABC):
    """A log, its metrics, and a publisher that outlives every reader. Use it in an `async with` statement."""

    log: Log

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = PoolMetrics(self.registry)
        self._stack = AsyncExitStack()
        self._publisher: Publisher | None = None

    async def __aenter__(self) -> Self:
        client = self.log.client("test")
        await client.start(None, waiting=_nobody)
        self._stack.push_async_callback(client.stop)
        self._publisher = client.publisher
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    @property
    def publisher(self) -> Publisher:
        assert self._publisher is not None, "it was not entered"
        return self._publisher

    async def publish(self, topic: str, *events: Event) -> None:
        """Put events on a topic, one after the other, each under the key of its import."""
        for each in events:
            await self.publisher.publish(topic, str(each.import_id), each)

    async def read(self, topic: str, stage: Stage[Any], **more: Any) -> Reader:
        """A reader, consuming; it is stopped at the end at the latest."""
        client = self.log.client(stage.name)
        self._stack.push_async_callback(client.stop, 0.0)
        await client.start(Consumption(topic, f"group.{topic}", stage, **more), waiting=_nobody)
        return Reader(client)

    def value(self, metric: str, **labels: str) -> float:
        """The value of a metric, 0 if it has none."""
        return self.registry.get_sample_value(metric, labels) or 0.0

    @abstractmethod
    async def topic(self) -> str:
        """A new topic of one partition."""

    @abstractmethod
    async def letters(self, topic: str) -> list[Letter]:
        """The dead letters of a topic."""


class LocalUnderTest(LogUnderTest):
    """The log in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.log: LocalLog = LocalLog(self.metrics)

    async def topic(self) -> str:
        """See LogUnderTest."""
        return unique("contract")

    async def letters(self, topic: str) -> list[Letter]:
        """See LogUnderTest."""
        return [
            Letter(each.reason, each.attempts, each.stage, each.raw.offset)
            for each in self.log.letters(topic)
        ]


class KafkaUnderTest(LogUnderTest):
    """Kafka."""

    def __init__(self, bootstrap: str) -> None:
        super().__init__()
        self._bootstrap = bootstrap
        self.log = KafkaLog(
            Connection(bootstrap), pipeline="v2", prefix="", metrics=self.metrics, subscriber=QUICK
        )

    async def topic(self) -> str:
        """See LogUnderTest."""
        name = unique("contract")
        await create_topics(self._bootstrap, {name: 1, f"{name}.dlq": 1})
        return name

    async def letters(self, topic: str) -> list[Letter]:
        """See LogUnderTest."""
        letters = []
        for record in await read_all(self._bootstrap, f"{topic}.dlq"):
            told = {name: value.decode() for name, value in record.headers if name.startswith("dlq_")}
            letters.append(
                Letter(
                    told["dlq_reason"], int(told["dlq_attempts"]), told["dlq_stage"], int(told["dlq_offset"])
                )
            )
        return letters


def events(count: int, of: int = 1) -> list[ImportReceived]:
    """Events of one import, numbered from 0 on by `conversation_count`."""
    return [event(of).model_copy(update={"conversation_count": number}) for number in range(count)]


def number(received: ImportReceived) -> int:
    """Which of `events` this is."""
    assert received.conversation_count is not None
    return received.conversation_count


def numbers(batch: Sequence[ImportReceived]) -> list[int]:
    """The same of many."""
    return [number(each) for each in batch]


def _nobody(_: str) -> None:
    """Is told what a start waits for."""
