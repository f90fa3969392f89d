"""The pool: many records in flight beyond the partitions, the watermark committed, nothing blocked.

The log's client `submit`s what it delivers and tells of rebalances; a keeper `poll`s twice a second; `join`
drains; `close` ends it. Everything runs on one event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

import structlog

from shared.domain.events import Event
from shared.domain.told import told
from shared.log.backpressure import Backpressure
from shared.log.commits import Commits
from shared.log.deadletter import DeadLetter
from shared.log.fairness import Turns
from shared.log.gauges import Gauges
from shared.log.health import PartitionState, PoolState
from shared.log.metrics import PoolMetrics
from shared.log.policy import PoolPolicy
from shared.log.ports import Consumer, LogUnavailableError, Partition, Reader
from shared.log.stage import Stage
from shared.log.units import Item, Unit
from shared.log.watermark import Ledgers
from shared.log.worker import Worker
from shared.resilience.lane import Lane

E = TypeVar("E", bound=Event)
_TICK = 0.5
"""Seconds between commits."""
_LAG_EVERY = 10.0
"""Seconds between looks at the ends of the partitions."""

log = structlog.get_logger(__name__)


class Pool(Generic[E]):
    """Records in flight, of all partitions that this process holds of one subscription."""

    def __init__(
        self,
        stage: Stage[E],
        *,
        reader: Reader,
        bury: Callable[[DeadLetter], Awaitable[None]],
        metrics: PoolMetrics,
        policy: PoolPolicy | None = None,
        lane: Lane | None = None,
        on_lane_fault: Callable[[Exception], None] | None = None,
    ) -> None:
        self.stage = stage
        self.policy = policy or PoolPolicy()
        self.lane = lane or Lane()
        self._reader = reader
        self._metrics = metrics
        self._records = metrics.records.labels(stage.name)
        self._gauges = Gauges(metrics)
        self._worker = Worker(
            stage,
            decode=reader.decode,
            policy=self.policy.retry,
            lane=self.lane,
            bury=bury,
            done=self._done,
            metrics=metrics,
            on_lane_fault=on_lane_fault,
        )
        self.idle = asyncio.Event()
        """Set while nothing waits and nothing is in flight."""
        self.idle.set()
        self._consumer: Consumer | None = None
        self._ledgers: Ledgers[Partition] = Ledgers()
        self._commits = Commits(
            stage.name,
            self._ledgers,
            timeout=self.policy.commit_timeout,
            metrics=metrics,
            unwanted=self._drop_unwanted,
        )
        self._waiting: Turns[Item] = Turns(self.policy.of_one, self.policy.of_replays)
        self._waiting_bytes = [0, 0]
        """Of live records; of those of replays."""
        self._ripe: asyncio.TimerHandle | None = None
        self._tasks: dict[asyncio.Task[None], Unit] = {}
        self._backpressure = Backpressure(self.policy)
        self._paused: set[Partition] = set()
        self._draining = False
        self._leaving = False
        self._closed = False
        self._keeper: asyncio.Task[None] | None = None
        self._ends: Mapping[Partition, int] = {}
        self._ends_read = 0.0
        self._progress = time.monotonic()

    # What the log tells

    def submit(self, records: Iterable[Any]) -> None:
        """Take records over. Never blocks, never fails. Those of partitions not held are dropped: whoever
        holds them gets them."""
        if self._draining or self._closed:
            return  # not noted, so the watermark stays below and they are delivered again
        for raw in records:
            ledger = self._ledgers.get(Partition(raw.topic, raw.partition))
            if ledger is not None and ledger.take(raw.offset):
                item = Item(raw, ledger, self._reader.line(raw), self._reader.size(raw))
                self._waiting.append(item.line, item)
                self._waiting_bytes[item.line.replay] += item.size
                self.idle.clear()
        self._progress = time.monotonic()
        self._fill()
        self._mark()

    def assigned(self, consumer: Consumer, partitions: Iterable[Partition]) -> None:
        """A rebalance is over. Work of partitions kept goes on; work of partitions lost ends.

        Not a coroutine: nothing may be delivered before it has run.
        """
        self._consumer = consumer
        if self._closed:
            return
        self._ledgers.assign(partitions)
        self._commits.rebalanced()
        self._drop_unwanted()
        self._paused.clear()  # a rebalance forgets what was paused
        self._ends, self._ends_read = {}, 0.0
        self._draining = self._leaving  # others that come and go do not call off our own end
        self._progress = time.monotonic()
        self._metrics.rebalances.labels(self.stage.name).inc()
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep())
        if self._leaving:
            self._mark_all_paused()
        self._fill()
        self._mark()

    def _drop_unwanted(self) -> None:
        kept = self._waiting.emptied()
        self._waiting_bytes = [0, 0]
        for item in self._waiting:
            if item.wanted:
                kept.append(item.line, item)
                self._waiting_bytes[item.line.replay] += item.size
        self._waiting = kept
        for task, unit in self._tasks.items():
            if not any(item.wanted for item in unit.items):
                unit.ended = True
                task.cancel()
        if not self._tasks and not self._waiting:
            self.idle.set()

    async def revoked(self) -> None:
        """A rebalance begins: stop taking, wait a little for work in flight, commit."""
        self._draining = True
        await self._settle(self.policy.revoke_grace)
        await self.commit()

    # Work

    def _fill(self) -> None:
        """Begin what may be begun."""
        while self._waiting.ready and self._has_room() and not self._draining:
            if self._waiting.ready < self.stage.batch and not self._waited():
                return
            items = self._waiting.take(self.stage.batch)
            for item in items:
                self._waiting_bytes[item.line.replay] -= item.size
            unit = Unit(items)
            task = asyncio.create_task(self._worker.work(unit))
            self._tasks[task] = unit
            task.add_done_callback(self._ended)

    def _has_room(self) -> bool:
        """Whether another unit may be begun; those aside have places of their own, as many again."""
        ceiling = self.policy.ceiling
        if len(self._tasks) < ceiling:
            return True
        aside = sum(unit.aside for unit in self._tasks.values())
        return len(self._tasks) < ceiling + min(aside, ceiling)

    def _waited(self) -> bool:
        """Whether the records that wait have waited for others as long as they should."""
        if not self.policy.linger:
            return True
        loop = asyncio.get_running_loop()
        if self._ripe is None:
            self._ripe = loop.call_later(self.policy.linger, self._fill)
            return False
        if loop.time() < self._ripe.when():
            return False
        self._ripe = None
        return True

    def _ended(self, task: asyncio.Task[None]) -> None:
        unit = self._tasks.pop(task)
        if self._waiting.counts:
            for item in unit.items:
                self._waiting.done(item.line)
        if not task.cancelled() and (error := task.exception()) is not None:
            # A bug of ours: the records stay unfinished, and liveness sees the frozen watermark.
            log.error("a unit of work broke", stage=self.stage.name, error=told(error), exc_info=error)
        self._fill()
        self._mark()
        if not self._tasks and not self._waiting:
            self.idle.set()

    def _done(self, item: Item) -> None:
        if item.ledger.finish(item.raw.offset):
            self._progress = time.monotonic()
        self._records.inc()

    # Backpressure

    def _mark(self) -> None:
        """Pause what has run full, resume what has run dry."""
        waiting, (live, replays) = self._waiting, self._waiting_bytes
        self._backpressure.look(waiting.ready, waiting.ready_replays, live, replays, self._ledgers)
        if self._consumer is None or not (self._backpressure.any or self._paused):
            return
        assigned = self._consumer.assignment()
        wanted = assigned if self._backpressure.full or self._draining else self._backpressure.held & assigned
        if pause := wanted - self._paused:
            self._consumer.pause(*pause)
        if resume := (self._paused & assigned) - wanted:
            self._consumer.resume(*resume)
        self._paused = set(wanted)

    # The keeper

    async def _keep(self) -> None:
        while not self._closed:
            await asyncio.sleep(_TICK)
            await self.poll()

    async def poll(self) -> None:
        """Housekeeping: commit, look for lag, publish the metrics. Never raises."""
        try:
            if not self._draining:
                if self._consumer is not None:
                    await self._commits.look(self._consumer)
                await self.commit()
                await self._look_for_lag()
            self._fill()
            self._mark()
            self._gauges.show(self.state())
        except Exception as error:
            log.exception("housekeeping failed", stage=self.stage.name, error=told(error))

    async def commit(self) -> bool:
        """Commit the watermarks that Kafka does not have. False if that failed; it is tried again."""
        return self._consumer is None or await self._commits.commit(self._consumer)

    async def _look_for_lag(self) -> None:
        if self._consumer is None or time.monotonic() - self._ends_read < _LAG_EVERY:
            return
        assigned = sorted(self._consumer.assignment())
        self._ends_read = time.monotonic()
        try:
            async with asyncio.timeout(self.policy.commit_timeout):
                self._ends = await self._consumer.end_offsets(assigned) if assigned else {}
        except (TimeoutError, LogUnavailableError):
            self._ends = {}

    # The end

    async def _settle(self, seconds: float) -> None:
        """Wait for work in flight, not for what only waits itself."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            busy = [task for task, unit in self._tasks.items() if not unit.parked]
            if not busy:
                return
            await asyncio.wait(busy, timeout=min(left, 0.25), return_when=asyncio.FIRST_COMPLETED)

    async def join(self, seconds: float) -> bool:
        """Take no more, wait at most so long for work in flight, commit. True if all begun was done."""
        self._leaving = self._draining = True
        self._mark_all_paused()
        await self._settle(seconds)
        done = not self._tasks
        return await self.commit() and done

    def _mark_all_paused(self) -> None:
        if self._consumer is not None and (rest := self._consumer.assignment() - self._paused):
            self._consumer.pause(*rest)
            self._paused |= rest

    async def close(self) -> None:
        """End what is left undone; it will be delivered again. Safe to call twice."""
        self._closed = True
        tasks: list[asyncio.Task[None]] = list(self._tasks)
        for unit in self._tasks.values():
            unit.ended = True
        if self._keeper is not None:
            tasks.append(self._keeper)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await self.lane.close()

    # What is seen from outside

    def state(self) -> PoolState:
        """A snapshot for health and metrics."""
        now = time.monotonic()
        items = [*self._waiting, *(i for u in self._tasks.values() for i in u.items if i.wanted)]
        oldest = min((i.raw.timestamp for i in items if not i.line.replay), default=None)
        return PoolState(
            stage=self.stage.name,
            in_flight=sum(len(u.items) for u in self._tasks.values() if not u.parked),
            parked=sum(len(u.items) for u in self._tasks.values() if u.parked),
            waiting=len(self._waiting),
            oldest_in_flight=max((now - u.begun for u in self._tasks.values() if not u.in_line), default=0.0),
            since_progress=now - self._progress,
            lag_seconds=0.0 if oldest is None else max(0.0, time.time() - oldest / 1000),
            draining=self._draining,
            holds=dict(self.lane.holds),
            partitions=tuple(
                PartitionState(p.topic, p.partition, ledger.watermark, ledger.highest, self._ends.get(p))
                for p, ledger in self._ledgers
            ),
        )
