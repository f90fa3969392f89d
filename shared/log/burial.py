"""How a record is set aside: its import is told, its dead letter written. The lane is held meanwhile only for
a reason that does not lie in the record."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog

from shared.domain.events import Event
from shared.domain.told import told_by_name
from shared.log.deadletter import DeadLetter
from shared.log.metrics import PoolMetrics
from shared.log.stage import Stage
from shared.resilience.faults import Fault, fault_of
from shared.resilience.lane import Lane
from shared.resilience.retry import RetryPolicy

E = TypeVar("E", bound=Event)
Rest = Callable[[float], Awaitable[None]]
"""Waits so many seconds; what waits may be ended without loss."""
DEAD_LETTERS = "dead letters"
"""The hold on the lane while a record cannot be set aside."""

log = structlog.get_logger(__name__)


class Burial(Generic[E]):
    """Sets the records of one stage aside."""

    def __init__(
        self,
        stage: Stage[E],
        policy: RetryPolicy,
        lane: Lane,
        write: Callable[[DeadLetter], Awaitable[None]],
        metrics: PoolMetrics,
    ) -> None:
        self._stage = stage
        self._policy = policy
        self._lane = lane
        self._write = write
        self._metrics = metrics
        self._stuck: set[int] = set()

    async def bury(self, event: E | None, letter: DeadLetter, rest: Rest) -> None:
        """Return when the dead letter is written, and its import told of it if that can be had; waits by
        `rest`."""
        self._note(event, letter)
        try:
            await self._tell_import(event, letter, rest)
            await self._until_written(letter, rest)
        finally:
            self._stuck.discard(id(letter))
            if not self._stuck:
                self._lane.release(DEAD_LETTERS)
        self._metrics.dead_letters.labels(self._stage.name, letter.reason).inc()

    async def _tell_import(self, event: E | None, letter: DeadLetter, rest: Rest) -> None:
        """Tried for as long as the cause lies elsewhere; given up at once where it lies in the record, and
        after a few times where it may."""
        failures, doubtful = 0, 0
        while self._stage.on_dead is not None:
            try:
                await self._stage.on_dead(event, letter.error)
                return
            except Exception as error:
                failures += 1
                fault = fault_of(error)
                doubtful += fault is not Fault.LANE
                if fault is Fault.POISON or doubtful >= self._policy.unknown_trials:
                    self._note_untold(event, error)
                    return
                self._hold(letter, f"cannot tell an import that a record is dead: {told_by_name(error)}")
                await rest(self._policy.backoff.delay(failures))

    async def _until_written(self, letter: DeadLetter, rest: Rest) -> None:
        failures = 0
        while True:
            try:
                await self._write(letter)
                return
            except Exception as error:
                failures += 1
                self._hold(letter, f"cannot write a dead letter: {told_by_name(error)}")
                await rest(self._policy.backoff.delay(failures))

    def _hold(self, letter: DeadLetter, why: str) -> None:
        self._stuck.add(id(letter))
        self._lane.hold(DEAD_LETTERS, why)

    def _note_untold(self, event: E | None, error: Exception) -> None:
        log.error(
            "an import could not be told that a record of it is dead",
            stage=self._stage.name,
            error=told_by_name(error),
            **({} if event is None else event.ids),
        )

    def _note(self, event: E | None, letter: DeadLetter) -> None:
        log.error(
            "record set aside",
            stage=self._stage.name,
            step=self._stage.name,
            error=letter.message,
            reason=letter.reason,
            attempt=letter.attempts,
            topic=letter.raw.topic,
            partition=letter.raw.partition,
            offset=letter.raw.offset,
            **({"user_id": None, "import_id": None} if event is None else event.ids),
        )
