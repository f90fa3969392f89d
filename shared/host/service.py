"""What a service's `app.py` gets, and what it gives: a stage on a topic, with how it is to run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from shared.domain.errors import StoreError
from shared.domain.events import ChunkReady, ChunkStatus, Event, FactsExtracted, Usage
from shared.domain.runs import RunKey
from shared.domain.told import told
from shared.host.canary import CanaryMetrics
from shared.host.replays import ReplayMetrics
from shared.log.policy import PoolPolicy
from shared.log.ports import Publisher
from shared.log.reading import Reading
from shared.log.stage import Stage
from shared.metrics.gateway import (
    HTTP_PROXIED,
    HTTP_REQUESTS,
    HTTP_SECONDS,
    HTTP_STREAMS,
    HTTP_UPLOADS,
    LEGACY_CALLS,
    OUTBOX_RUNS,
    OUTBOX_SECONDS,
)
from shared.metrics.services import (
    CALLBACKS,
    DEAD_LETTERS_OPEN,
    EVENTS_IGNORED,
    PREDECESSOR_CALLS,
    REDRIVES,
)
from shared.models.base import Metered, Model
from shared.models.embeddings.metrics import EmbeddingMetrics
from shared.models.metrics import ModelMetrics
from shared.pipelines import topic
from shared.resilience.faults import PoisonError
from shared.resilience.lane import Hold
from shared.settings import Settings
from shared.store.store import Store
from shared.workers.threads import Threads
from shared.workers.workers import Workers

Asgi = Callable[..., Awaitable[None]]
"""An ASGI application: called with scope, receive and send."""
NO_RUN = "no_such_run"
"""Why an event of a run that the store does not know is set aside."""
SILENT_SECONDS = 45.0
"""Without an answer from the model while one is waited for: then that is told."""
PARTING_SECONDS = 2.0
"""For giving back in the end what runs out by itself, if the database does not answer."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class HttpMetrics:
    """Metrics of an HTTP face."""

    requests: Counter
    seconds: Histogram
    streams: Gauge
    proxied: Gauge
    uploads: Gauge
    outbox_runs: Gauge
    outbox_seconds: Gauge
    legacy_calls: Counter

    @classmethod
    def of(cls, registry: CollectorRegistry) -> HttpMetrics:
        return cls(
            HTTP_REQUESTS.register(registry),
            HTTP_SECONDS.register(registry),
            HTTP_STREAMS.register(registry),
            HTTP_PROXIED.register(registry),
            HTTP_UPLOADS.register(registry),
            OUTBOX_RUNS.register(registry),
            OUTBOX_SECONDS.register(registry),
            LEGACY_CALLS.register(registry),
        )


@dataclass(frozen=True, slots=True)
class ServiceMetrics:
    """Metrics beside the pool's, of all services of this process."""

    ignored: Counter
    redrives: Counter
    dead_letters_open: Gauge
    callbacks: Counter
    predecessor_calls: Counter
    models: ModelMetrics
    embeddings: EmbeddingMetrics
    http: HttpMetrics
    canary: CanaryMetrics
    replays: ReplayMetrics

    @classmethod
    def of(cls, registry: CollectorRegistry) -> ServiceMetrics:
        return cls(
            EVENTS_IGNORED.register(registry),
            REDRIVES.register(registry),
            DEAD_LETTERS_OPEN.register(registry),
            CALLBACKS.register(registry),
            PREDECESSOR_CALLS.register(registry),
            ModelMetrics(registry),
            EmbeddingMetrics.of(registry),
            HttpMetrics.of(registry),
            CanaryMetrics.of(registry),
            ReplayMetrics.of(registry),
        )


class ModelOpener(Protocol):
    """Opens the model that a service uses, for the block: see shared.models.open.opened_model."""

    def __call__(
        self, *, patience: float | None = None, workers: int | None = None
    ) -> AbstractAsyncContextManager[Model]: ...


@dataclass(frozen=True, slots=True)
class OneRun:
    """The run that a process takes from end to end, when nobody else drives it."""

    import_id: UUID
    resumed: bool
    """Whether an earlier process began it: then what it left undone is driven at once."""


def as_recorded(usage: Usage) -> Usage:
    """What a run cost is what its chunks and its writing are recorded to have cost."""
    return usage


def wait_it_out(error: Exception) -> None:
    """A service goes on: what failed is offered again."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What a service stands on, whichever log carries its events and however the store is reached."""

    name: str
    settings: Settings
    store: Store
    publisher: Publisher
    metrics: ServiceMetrics
    owner: str
    """This process, as leases name it."""
    open_model: ModelOpener
    log_answers: Callable[[], Awaitable[None]]
    """Raises SoulprintError if the log does not answer."""
    reading: Reading
    """What lies on the log, read beside its readers."""
    workers: Workers | Threads = field(default_factory=Threads)
    """Who does what could hold this process: exports are read by them."""
    sole: bool = False
    """Whether no other process is at work over the database, and what lies on the log goes with this one."""
    only: OneRun | None = None
    """The one run that this process is for; None: it serves whatever comes."""
    spent: Callable[[Usage], Usage] = as_recorded
    """What a run cost in all, given what is recorded: a process that keeps to a limit on cost knows more."""
    on_fault: Callable[[Exception], None] = wait_it_out
    """Told of a fault that lies in no record, met beside the stage."""

    async def publish(self, name: str, key: object, event: Event, pipeline: str | None = None) -> None:
        """Return when the log has the event, on topic `name` of this pipeline, or of another."""
        await self.publisher.publish(topic(name, pipeline or self.settings.pipeline), str(key), event)

    async def database_answers(self) -> None:
        """Raises StoreError if it does not, or takes no writes. A lane's probe."""
        await self.store.require_writable()

    async def own_run(self, event: Event) -> RunKey | None:
        """The run of an event, None if the store does not know it, or knows it as another user's: an event
        must not end what is not its own."""
        runs = await self.store.list_runs(event.import_id, limit=1)
        if not runs or runs[0].user_id != event.user_id:
            return None
        return RunKey(event.import_id, event.run)

    async def end_failed(self, event: Event, *, step: str, error: Exception) -> None:
        """End the run of an event as failed, if it is the event's own and still under way."""
        if (run := await self.own_run(event)) is not None:
            await self.store.fail_run(*run, step=step, error=told(error))

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


def no_trouble() -> Hold | None:
    """Nothing beside the stage waits."""
    return None


@asynccontextmanager
async def parting() -> AsyncIterator[None]:
    """A block that gives back in the end what else runs out by itself: it is left after a moment, and without
    a word if the database does not take it."""
    with suppress(StoreError, TimeoutError):
        async with asyncio.timeout(PARTING_SECONDS):
            yield


def silence_of(model: Model) -> Hold | None:
    """That calls are waited for and none has been answered for a while."""
    if not isinstance(model, Metered) or (since := model.state.silent_since) is None:
        return None
    if time.time() - since < SILENT_SECONDS:
        return None
    return Hold(f"no answer from the model for more than {SILENT_SECONDS:g} s", since)


@dataclass(frozen=True, slots=True)
class Service:
    """A stage and how it runs. Its topic and group stand in shared.pipelines.SERVICES."""

    stage: Stage[Any] | None = None
    """None: it reads no topic."""
    policy: PoolPolicy = field(default_factory=PoolPolicy)
    grace: float = 20.0
    """Seconds that a stop waits for work in flight."""
    probe: Callable[[], Awaitable[None]] | None = None
    """Whether the lane may open again; None: a record is sent ahead as a scout."""
    tasks: Sequence[Callable[[], Awaitable[None]]] = ()
    """What runs beside the stage until the service stops."""
    trouble: Callable[[], Hold | None] = no_trouble
    """Why work beside the stage waits, though the lane is open."""
    beside: Mapping[str, Callable[[], Hold | None]] = field(default_factory=dict)
    """Why work that the stage does not need waits, by the name of its hold."""
    http: Asgi | None = None
    """What it answers over HTTP, on the process's public address."""
    ending: Callable[[], None] | None = None
    """Ends answers without an end of their own; called before the address closes, which waits for answers."""
    drain: Callable[[], Awaitable[None]] | None = None
    """Ends what the stage began and did not await; called before the stage drains."""


Opener = Callable[[Kit], AbstractAsyncContextManager[Service]]
"""What each `app.py` calls `app`: opens the service's own means, and closes them after it stopped."""
