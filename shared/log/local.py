"""The log in memory: services of one process meet on it as they do on Kafka, through the same pool.

What they rely on holds: records of a topic come in order; an event that fails is tried again, and set aside
on the dead-letter topic if it can never work; a lane pauses and opens; a reader that falls behind makes its
publishers wait, so memory is bounded. What it does not do is outlive the process: whatever was not recorded
in the database is gone with it, and is driven again from there (by the sweeper, or the same command again).
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from prometheus_client import Counter

from shared.domain.errors import UsageError
from shared.domain.events import Event
from shared.log.deadletter import DeadLetter
from shared.log.fairness import Line
from shared.log.health import LoopState, PoolState
from shared.log.letters import Letters
from shared.log.metrics import PoolMetrics
from shared.log.pool import Pool
from shared.log.ports import TOO_LARGE, UNKNOWN_TYPE, Consumption, Partition, Reader
from shared.pipelines import MAX_EVENT_BYTES
from shared.pipelines import topic as topic_name
from shared.resilience.faults import LaneError, NoTopicError, PoisonError
from shared.resilience.lane import Lane
from shared.tracing import current_trace, next_traceparent

E = TypeVar("E", bound=Event)
WAITING = 32
"""Most records that wait on a topic, besides those that its reader's pool has taken."""
WAITING_BYTES = 4 * 1024**2
AT_A_TIME = 16
"""Most records handed to a pool at once."""
BYTES_A_CHARACTER = 6
"""Most bytes that JSON makes of a character (an escaped control); only an event that could be over the limit
is measured by encoding it."""


@dataclass(frozen=True, slots=True)
class LocalRecord:
    """An event on a topic: what a ConsumerRecord is on Kafka."""

    topic: str
    offset: int
    timestamp: int
    """Unix milliseconds."""
    key: bytes
    event: Event
    weight: int
    trace: str
    partition: int = 0

    @property
    def headers(self) -> list[tuple[str, bytes | None]]:
        """Whose and which it is, as on Kafka; it has no id of its own there."""
        ids = {"importid": self.event.import_id, "userid": self.event.user_id, "run": self.event.run}
        return [(f"ce_{name}", str(value).encode()) for name, value in ids.items()]


class LocalLog:
    """See shared.log.ports.Log. One event loop; one reader a topic.

    `on_lane_fault` is told of every lane fault of a stage, for a process that would rather end than wait.
    `reader` reads what was put on topics, if that is not only events. `read`: the topics that are read in
    this process; None: whichever. Events on others would wait for ever, and are refused.
    """

    durable = False

    def __init__(
        self,
        metrics: PoolMetrics,
        *,
        on_lane_fault: Callable[[Exception], None] | None = None,
        reader: Reader | None = None,
        read: Collection[str] | None = None,
    ) -> None:
        self.metrics = metrics
        self.reader = reader or EventReader()
        self.on_lane_fault = on_lane_fault
        self._read = read
        self._topics: dict[str, _Topic] = {}
        self._letters = Letters()

    def client(self, name: str) -> LocalClient:
        """See Log."""
        return LocalClient(self, name)

    async def answers(self) -> None:
        """See Log: it does."""

    def reading(self) -> Letters:
        """See Log: all that is left to be read is dead letters."""
        return self._letters

    def topic(self, name: str) -> _Topic:
        """The topic of this name, made when it is first spoken of."""
        found = self._topics.get(name)
        if found is None:
            found = self._topics[name] = _Topic(name, self.metrics.published.labels(name))
        return found

    async def publish(self, topic: str, key: str, event: Event) -> None:
        """See Publisher: one serves all."""
        if self._read is not None and topic not in self._read:
            raise NoTopicError(f"nobody reads {topic} here")
        weight = event.weight
        if weight * BYTES_A_CHARACTER > MAX_EVENT_BYTES:
            size = len(event.model_dump_json().encode())
            if size > MAX_EVENT_BYTES:
                raise PoisonError(TOO_LARGE, f"an event of {size} bytes; the limit is {MAX_EVENT_BYTES}")
        await self.topic(topic).put(key, event, weight)

    async def bury(self, letter: DeadLetter) -> None:
        """Put a dead letter on its topic's dead-letter topic, where `letters` finds it."""
        name = topic_name(letter.raw.topic, dead=True)
        self.metrics.published.labels(name).inc()
        self._letters.keep(name, letter)

    def letters(self, topic: str) -> Sequence[DeadLetter]:
        """The dead letters of a topic, oldest first."""
        return self._letters.of(topic_name(topic, dead=True))


class _Topic:
    """Records that wait for their reader."""

    def __init__(self, name: str, published: Counter) -> None:
        self.partition = Partition(name, 0)
        self._published = published
        self.end = 0
        """The offset of the next record."""
        self.arrived = asyncio.Event()
        self._waiting: deque[LocalRecord] = deque()
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()
        self._entering = asyncio.Lock()
        """Publishers wait in line: one of many events would fill all room again before others look."""
        self._closed = False
        self._reader = ""

    async def put(self, key: str, event: Event, weight: int) -> None:
        """Return when the record is taken; waits while the topic is full."""
        async with self._entering:
            await self._room.wait()
        if self._closed:
            raise LaneError(f"{self.partition.topic} has no reader any more")
        now, trace = int(time.time() * 1000), next_traceparent(current_trace.get())
        record = LocalRecord(self.partition.topic, self.end, now, key.encode(), event, weight, trace)
        self._waiting.append(record)
        self._bytes += weight
        self._published.inc()
        self.end += 1
        self.arrived.set()
        if len(self._waiting) >= WAITING or self._bytes >= WAITING_BYTES:
            self._room.clear()

    def take_up(self, reader: str) -> None:
        """Note who reads. Raises UsageError if somebody does already."""
        if self._reader:
            raise UsageError(f"{reader} and {self._reader} both read {self.partition.topic}")
        self._reader = reader

    def take(self) -> list[LocalRecord]:
        """The records that come next, at most AT_A_TIME."""
        taken = [self._waiting.popleft() for _ in range(min(AT_A_TIME, len(self._waiting)))]
        self._bytes -= sum(record.weight for record in taken)
        if not self._waiting:
            self.arrived.clear()
        if not self._closed and len(self._waiting) <= WAITING // 2 and self._bytes <= WAITING_BYTES // 2:
            self._room.set()
        return taken

    def close(self) -> None:
        """Nobody reads any more: what waits is gone, and whoever publishes is told."""
        self._closed = True
        self._waiting.clear()
        self._room.set()

    def __len__(self) -> int:
        return len(self._waiting)


class LocalClient:
    """See shared.log.ports.LogClient."""

    def __init__(self, log: LocalLog, name: str) -> None:
        self.publisher = log
        self._log = log
        self._name = name
        self._reads: _Reading | None = None

    async def start(self, reads: Consumption | None, waiting: Callable[[str], None]) -> None:
        """See LogClient. Raises UsageError for a second reader: there are no groups, each record has one."""
        if reads is not None:
            self._log.topic(reads.topic).take_up(self._name)
            self._reads = _Reading(self._log, reads)

    def state(self) -> tuple[PoolState, LoopState] | None:
        """See LogClient."""
        return None if self._reads is None else self._reads.state()

    async def stop(self, grace: float | None = None) -> None:
        """See LogClient."""
        reads, self._reads = self._reads, None
        if reads is not None:
            await reads.stop(grace)


class _Reading:
    """A topic on its way into a pool. Stands in for the consumer: see shared.log.ports.Consumer."""

    def __init__(self, log: LocalLog, reads: Consumption) -> None:
        self._topic = log.topic(reads.topic)
        self._grace = reads.grace
        self._open = asyncio.Event()
        self._open.set()
        self._committed: dict[Partition, int] = {}
        # A pause costs nothing here, so little need wait in the pool: no more than makes one batch.
        high = max(AT_A_TIME, reads.stage.batch)
        self.pool = Pool(
            reads.stage,
            reader=log.reader,
            bury=log.bury,
            metrics=log.metrics,
            policy=replace(reads.policy, high=high, low=high // 2),
            lane=Lane(probe=reads.probe, backoff=reads.policy.trials),
            on_lane_fault=log.on_lane_fault,
        )
        self._paused = asyncio.Event()
        self.pool.lane.watch(self._lane_changed)
        self.pool.assigned(self, [self._topic.partition])
        self._pump = asyncio.create_task(self._deliver())

    async def _deliver(self) -> None:
        while True:
            await self._topic.arrived.wait()
            await self._open.wait()
            self.pool.submit(self._topic.take())
            await asyncio.sleep(0)

    def state(self) -> tuple[PoolState, LoopState]:
        """How the consumption is."""
        polling = not self._pump.done()
        return self.pool.state(), LoopState(True, polling, True, 0.0)

    async def stop(self, grace: float | None) -> None:
        """Work off what waits, unless the lane is paused or `grace` ends; then end."""
        grace = self._grace if grace is None else grace
        deadline = time.monotonic() + grace
        working_off = asyncio.create_task(self._work_off())
        paused = asyncio.create_task(self._paused.wait())
        await asyncio.wait({working_off, paused}, timeout=grace, return_when=asyncio.FIRST_COMPLETED)
        for task in (working_off, paused, self._pump):
            task.cancel()
        await asyncio.wait({working_off, paused, self._pump})
        self._topic.close()
        await self.pool.join(max(0.0, deadline - time.monotonic()))
        await self.pool.close()

    async def _work_off(self) -> None:
        while self._topic or not self.pool.idle.is_set():
            await self.pool.idle.wait()
            await asyncio.sleep(0)  # the pump's turn

    def _lane_changed(self, paused: bool) -> None:
        if paused:
            self._paused.set()
        else:
            self._paused.clear()

    # The consumer, as the pool sees it

    def assignment(self) -> set[Partition]:
        return {self._topic.partition}

    def pause(self, *partitions: Partition) -> None:
        self._open.clear()

    def resume(self, *partitions: Partition) -> None:
        self._open.set()

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        self._committed.update(offsets)

    async def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, int | None]:
        return {partition: self._committed.get(partition) for partition in partitions}

    async def end_offsets(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        return {self._topic.partition: self._topic.end}


class EventReader:
    """See shared.log.ports.Reader. Nothing was encoded: only what belongs elsewhere cannot be read."""

    def size(self, record: Any) -> int:
        return int(record.weight)

    def line(self, record: Any) -> Line:
        event = record.event
        return Line(event.user_id, event.import_id, getattr(event, "priority", None) == "replay")

    async def decode(self, record: Any, model: type[E]) -> tuple[E, str | None]:
        event = record.event
        if not isinstance(event, model):
            raise PoisonError(UNKNOWN_TYPE, f"{type(event).__name__} does not belong on this topic")
        return event, record.trace
