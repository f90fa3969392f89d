"""What a service's `app.py` gets, and what it gives: a stage on a topic, with how it is to run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from prometheus_client import CollectorRegistry, Counter

from shared import pipelines as topics
from shared.domain.errors import SoulprintError
from shared.domain.events import ChunkReady, ChunkStatus, Event, FactsExtracted
from shared.domain.runs import RunKey
from shared.log.kafka.connection import Connection
from shared.log.kafka.publisher import Publisher
from shared.log.kafka.subscriber import SubscriberPolicy
from shared.log.policy import PoolPolicy
from shared.log.stage import Stage
from shared.models.metrics import ModelMetrics
from shared.resilience.faults import PoisonError
from shared.resilience.lane import Hold
from shared.settings import Settings
from shared.store.store import Store

NO_RUN = "no_such_run"
"""Why an event of a run that the store does not know is set aside."""

_NOBODY = UUID(int=0)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ServiceMetrics:
    """Metrics beside the pool's, of all services of this process."""

    ignored: Counter
    redrives: Counter
    models: ModelMetrics

    @classmethod
    def of(cls, registry: CollectorRegistry) -> ServiceMetrics:
        return cls(
            Counter(
                "soulprint_events_ignored",
                "Events that nobody wants any more: of ended or older runs, or repeated.",
                ["stage", "reason"],
                registry=registry,
            ),
            Counter(
                "soulprint_redrives",
                "Runs that stood still and were driven again by the sweeper.",
                ["action"],
                registry=registry,
            ),
            ModelMetrics(registry),
        )


@dataclass(frozen=True, slots=True)
class Kit:
    """What a service stands on."""

    name: str
    settings: Settings
    connection: Connection
    store: Store
    publisher: Publisher
    metrics: ServiceMetrics
    owner: str
    """This process, as leases name it."""

    def topic(self, name: str) -> str:
        """The name on the log of one of this pipeline's topics."""
        return topics.topic(name, self.settings.pipeline)

    async def publish(self, name: str, key: object, event: Event) -> None:
        """Return when the event is acknowledged on the pipeline's topic `name`."""
        await self.publisher.publish(self.topic(name), str(key), event)

    async def database_answers(self) -> None:
        """Raises StoreError if it does not. A lane's probe."""
        await self.store.watch_run(_NOBODY, 1)

    async def own_run(self, event: Event) -> RunKey | None:
        """The run of an event, None if the store does not know it, or knows it as another user's: an event
        must not end what is not its own."""
        runs = await self.store.list_runs(event.import_id, limit=1)
        if not runs or runs[0].user_id != event.user_id:
            return None
        return RunKey(event.import_id, event.run)

    def ignore(self, event: Event, reason: str) -> None:
        """Count and log an event that nobody wants any more."""
        self.metrics.ignored.labels(self.name, reason).inc()
        ids = event.ids
        say = log.debug if "chunk_id" in ids else log.info  # of chunks there may be thousands
        say("event ignored", stage=self.name, reason=reason, **ids)


def no_such_run(event: Event) -> PoisonError:
    """The fault of an event whose run the store does not know, or knows as another user's."""
    return PoisonError(NO_RUN, f"run {event.run} of import {event.import_id} of this user is not known")


def dead(chunk: ChunkReady, why: str) -> FactsExtracted:
    """The result of a chunk that can never be read: its import still ends, and says so."""
    return FactsExtracted.of(chunk, ChunkStatus.DEAD, error=why)


def what_happened(error: Exception) -> str:
    """What may be stored of an error: only our own are known to hold no text of a person."""
    return str(error) if isinstance(error, SoulprintError) else type(error).__name__


def no_trouble() -> Hold | None:
    """Nothing beside the stage waits."""
    return None


@dataclass(frozen=True, slots=True)
class Service:
    """A stage and how it runs."""

    topic: str
    """The whole name of the topic that it reads."""
    stage: Stage[Any]
    pool: PoolPolicy
    subscriber: SubscriberPolicy = field(default_factory=SubscriberPolicy)
    probe: Callable[[], Awaitable[None]] | None = None
    """Whether the lane may open again; None: a record is sent ahead as a scout."""
    tasks: Sequence[Callable[[], Awaitable[None]]] = ()
    """What runs beside the stage until the service stops."""
    trouble: Callable[[], Hold | None] = no_trouble
    """Why work beside the stage waits, though the lane is open."""
    drain: Callable[[], Awaitable[None]] | None = None
    """Ends what the stage began and did not await; called before the stage itself drains."""


Opener = Callable[[Kit], AbstractAsyncContextManager[Service]]
"""What each `app.py` calls `app`: opens the service's own means, and closes them after it stopped."""
