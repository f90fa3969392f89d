"""Takes records through a stage: attempts, retries, the lane, dead letters. Knows no partitions and commits
nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog

from shared.domain.events import Event
from shared.domain.told import is_ours, told, told_by_name
from shared.log.burial import Burial
from shared.log.deadletter import DeadLetter
from shared.log.doubt import Doubt
from shared.log.metrics import PoolMetrics
from shared.log.stage import Stage
from shared.log.units import Item, Unit, in_work
from shared.resilience.deadline import Deadline
from shared.resilience.faults import Fault, TransientError
from shared.resilience.lane import Lane
from shared.resilience.retry import RetryPolicy
from shared.tracing import current_trace

E = TypeVar("E", bound=Event)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Received(Generic[E]):
    """A record with its event, and the trace that it belongs to."""

    item: Item
    event: E
    trace: str | None


class Worker(Generic[E]):
    """Works on units until each of their records is done: handled, or set aside."""

    def __init__(
        self,
        stage: Stage[E],
        *,
        decode: Callable[[Any, type[E]], Awaitable[tuple[E, str | None]]],
        policy: RetryPolicy,
        lane: Lane,
        bury: Callable[[DeadLetter], Awaitable[None]],
        done: Callable[[Item], None],
        metrics: PoolMetrics,
        on_lane_fault: Callable[[Exception], None] | None = None,
    ) -> None:
        self._stage = stage
        self._decode = decode
        self._policy = policy
        self._lane = lane
        self._done = done
        self._metrics = metrics
        self._on_lane_fault = on_lane_fault
        self._seconds = {
            ok: metrics.seconds.labels(stage.name, "ok" if ok else "error") for ok in (True, False)
        }
        self._burial = Burial(stage, policy, lane, bury, metrics)
        self._running: set[Unit] = set()
        self._doubt = Doubt(policy, together=stage.batch > 1)
        self._exhausted_in_a_row = 0
        lane.watch(self._stop_clocks)

    async def work(self, unit: Unit) -> None:
        """Return when every record of the unit is done. Cancelled, it leaves the rest undone."""
        readable: list[Received[E]] = []
        for item in unit.items:
            if item.wanted:
                try:
                    event, trace = await self._decode(item.raw, self._stage.model)
                except Exception as error:
                    await self._bury(unit, item, None, error)
                else:
                    readable.append(Received(item, event, trace))
        await self._finish(unit, readable)

    async def _finish(
        self, unit: Unit, batch: Sequence[Received[E]], later: list[Received[E]] | None = None
    ) -> None:
        """Attempts until the batch is done, in halves where one record spoils it. With `later`, a record in
        doubt is put there, undone: what else its batch holds goes first."""
        deadline, failures = Deadline(self._lane, self._policy.deadline), 0
        while batch := [each for each in batch if each.item.wanted]:
            unit.parked = True
            scout = await self._lane.enter()
            unit.parked = False
            passed: bool | None = None
            try:
                error = await self._attempt(unit, batch, deadline)
                fault = None if error is None else self._doubt.judge([each.item for each in batch], error)
                passed = fault in (None, Fault.POISON)
            finally:
                if scout:
                    self._lane.report(passed)
            if error is None:
                self._got_through()
                for each in batch:
                    self._done(each.item)
                return
            self._note(batch, error, fault)
            if fault is Fault.LANE:
                if self._on_lane_fault is not None:
                    self._on_lane_fault(error)
                self._lane.trip(told_by_name(error))
                deadline, failures = Deadline(self._lane, self._policy.deadline), 0
                continue
            if fault is Fault.UNKNOWN:
                if later is not None:
                    later += batch
                    return
                item = batch[0].item
                await unit.rest_aside(self._policy.in_doubt.delay(item.doubted - self._policy.unknown_trials))
                continue
            failures += 1
            if fault is Fault.TRANSIENT and scout:
                # The lane is not open again: its trials, not the record's attempts, are what this counts as.
                batch[0].item.exhausted += 1
                if batch[0].item.exhausted < self._policy.outage_trials:
                    continue
            elif fault is Fault.TRANSIENT and failures < self._policy.attempts and deadline.left > 0:
                await self._rest(unit, failures, error)
                continue
            if len(batch) > 1:
                middle = len(batch) // 2
                doubtful: list[Received[E]] = [] if later is None else later
                await self._finish(unit, batch[:middle], doubtful)
                await self._finish(unit, batch[middle:], doubtful)
                if later is None:
                    for each in doubtful:
                        await self._finish(unit, [each])
                return
            if fault is Fault.TRANSIENT and self._looks_like_an_outage(batch[0].item):
                self._lane.trip(f"nothing gets through: {_kind(error)}")
                deadline, failures = Deadline(self._lane, self._policy.deadline), 0
                continue
            await self._bury(unit, batch[0].item, batch[0].event, error)
            return

    def _got_through(self) -> None:
        self._doubt.got_through()
        self._exhausted_in_a_row = 0
        if not self._lane.paused:
            self._lane.succeeded()

    def _looks_like_an_outage(self, item: Item) -> bool:
        self._exhausted_in_a_row += 1
        item.exhausted += 1
        return (
            self._exhausted_in_a_row >= self._policy.outage_after
            and item.exhausted < self._policy.outage_trials
        )

    async def _attempt(
        self, unit: Unit, batch: Sequence[Received[E]], deadline: Deadline
    ) -> Exception | None:
        """One call of the stage; its error, None if it went well."""
        for each in batch:
            each.item.attempts += 1
        trace, working = current_trace.set(batch[0].trace), in_work.set(unit)
        unit.deadline = deadline
        self._running.add(unit)
        began = time.monotonic()
        error: Exception | None = None
        try:
            async with asyncio.timeout(max(deadline.left, 0.001)) as unit.timeout:
                await self._stage.handle([each.event for each in batch])
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if unit.ended or (task is not None and task.cancelling()):
                raise
            error = TransientError("the stage was cancelled from within")
        except Exception as failure:
            if unit.ended:  # and met another failure as it ended: it must not begin again
                raise asyncio.CancelledError from None
            error = failure
        finally:
            unit.timeout = unit.deadline = None
            unit.stopped.clear()
            self._running.discard(unit)
            in_work.reset(working)
            current_trace.reset(trace)
        self._seconds[error is None].observe(time.monotonic() - began)
        return error

    async def _rest(self, unit: Unit, failures: int, error: Exception | None) -> None:
        self._metrics.retries.labels(self._stage.name, Fault.TRANSIENT.value).inc()
        named = getattr(error, "retry_after", None)
        delay = max(self._policy.backoff.delay(failures), named if isinstance(named, int | float) else 0.0)
        await unit.rest(delay)

    async def _bury(self, unit: Unit, item: Item, event: E | None, error: Exception) -> None:
        letter = DeadLetter(item.raw, error, item.attempts, self._stage.name)
        await self._burial.bury(event, letter, unit.rest)
        self._done(item)

    def _stop_clocks(self, paused: bool) -> None:
        """What is in work when the lane pauses waits for the same cause: its deadline waits with it."""
        for unit in self._running:
            if paused:
                unit.stop_clock("lane")
            else:
                unit.start_clock("lane")

    def _note(self, batch: Sequence[Received[E]], error: Exception, fault: Fault | None) -> None:
        first = batch[0]
        log.warning(
            "attempt failed",
            stage=self._stage.name,
            error=_kind(error),
            fault=fault,
            attempt=first.item.attempts,
            records=len(batch),
            **first.event.ids,
        )


def _kind(error: Exception) -> str:
    """Its class, and of one that is not ours where it was raised: what ours says is told if it lasts."""
    return type(error).__name__ if is_ours(error) else told(error)
