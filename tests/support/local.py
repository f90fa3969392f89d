"""The services on the log in memory, in the test's own process: what does not kill, rebalance or ask Kafka
itself is tested so, in a fifth of the time."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.domain.events import Event
from shared.host.host import Host
from shared.log.kafka.cloudevents import CloudEvents, decode, encode
from shared.log.local import E, EventReader, LocalLog
from shared.log.metrics import PoolMetrics
from shared.log.ports import Log
from shared.pipelines import SERVICES
from shared.settings import Settings
from tests.support.services import AnySetting
from tests.support.waiting import until


@dataclass(frozen=True, slots=True)
class Wire:
    """A record as it lies on Kafka, for the log in memory."""

    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    import_id = user_id = run = None

    def model_dump_json(self) -> str:
        """What it holds, as a dead letter of it is read."""
        return (self.value or b"").decode("utf-8", "replace")


class WireReader(EventReader):
    """Reads what was published, and what lies there as bytes as Kafka's is read."""

    def line(self, record: Any) -> Hashable:
        """See Reader."""
        if isinstance(record.event, Wire):
            return CloudEvents().line(record.event)
        return super().line(record)

    async def decode(self, record: Any, model: type[E]) -> tuple[E, str | None]:
        """See Reader."""
        if isinstance(record.event, Wire):
            return await CloudEvents().decode(record.event, model)
        return await super().decode(record, model)


class KeptLog(LocalLog):
    """A log that keeps what was published, as Kafka does, for a test to look at. What could not be read from
    Kafka again is not published."""

    def __init__(self, metrics: PoolMetrics) -> None:
        super().__init__(metrics, reader=WireReader())
        self.kept: dict[str, list[tuple[str, Event]]] = {}

    async def publish(self, topic: str, key: str, event: Event) -> None:
        """See LocalLog."""
        await super().publish(topic, key, event)
        back, _ = decode(*encode(event, source="test", pipeline="v2"), type(event))
        assert back == event
        self.kept.setdefault(topic, []).append((key, event))


@dataclass
class LocalSetting(AnySetting):
    """A pipeline on a log in memory.

    Hosts share it until `lose_log`; its metrics are in the registry of the one that came first.
    """

    database: str
    root: Path
    pipeline: str = "v2"
    prefix: str = ""
    changes: dict[str, Any] = field(default_factory=dict)
    _log: KeptLog | None = None

    def of_log(self) -> dict[str, object]:
        """See AnySetting."""
        return {}

    def open_log(self, settings: Settings, metrics: PoolMetrics) -> Log:
        """See AnySetting."""
        if self._log is None:
            self._log = KeptLog(metrics)
        return self._log

    @property
    def log(self) -> KeptLog:
        """The log on which services are hosted."""
        assert self._log is not None, "no services were hosted yet"
        return self._log

    def lose_log(self) -> None:
        """Let the next host begin with an empty log, as a process does that is started again."""
        self._log = None

    async def publish(self, to: str, *events: Event, key: str = "k") -> None:
        """See AnySetting."""
        for event in events:
            await self.log.publish(to, key, event)

    async def send_raw(
        self, to: str, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]
    ) -> None:
        """Put anything on a topic, by its whole name."""
        await self.log.topic(to).put("k", Wire(value, headers), len(value or b""))  # type: ignore[arg-type]

    def events(self, name: str) -> list[Any]:
        """What was published on a topic, in order."""
        return [event for _, event in self.log.kept.get(self.topic(name), ())]

    def published(self, name: str, count: int) -> bool:
        """Whether so many events are on a topic."""
        return len(self.events(name)) >= count

    async def repeat(self, name: str) -> None:
        """Put every event of a topic on it once more."""
        for key, event in list(self.log.kept[self.topic(name)]):
            await self.log.publish(self.topic(name), key, event)

    def lose(self, name: str) -> int:
        """Take what waits on a topic away, as a reader that does nothing; answers how many events."""
        topic, lost = self.log.topic(self.topic(name)), 0
        while taken := topic.take():
            lost += len(taken)
        return lost

    def reasons(self, name: str) -> list[str]:
        """Why the dead letters of a topic were set aside."""
        return [letter.reason for letter in self.log.letters(self.topic(name))]

    async def caught_up(self, host: Host, *services: str) -> None:
        """Return when each of these services is through with everything on its topic."""
        for service in services:
            to = SERVICES[service].topic(self.pipeline)
            (running,) = (each for each in host.running if each.name == service)

            def has(running: Any = running, to: str = to) -> bool:
                pool, _ = running.state()
                return (pool.partitions[0].watermark or 0) == self.log.topic(to).end

            has.__doc__ = f"{service} has caught up with {to}"
            await until(has)
