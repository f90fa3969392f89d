"""What a pool works on: records, one or a batch at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.log.fairness import Line
from shared.log.watermark import Ledger
from shared.resilience.deadline import Deadline

Cause = Literal["lane", "line"]
"""Why a clock stands still: the lane is paused, or the record waits in line for its turn."""


@dataclass(slots=True, eq=False)
class Item:
    """A record in the pool."""

    raw: Any
    ledger: Ledger
    line: Line
    """Where it waits for its turn."""
    size: int
    """About how many bytes it holds."""
    attempts: int = 0
    exhausted: int = 0
    """How often it used up all its attempts."""
    doubted: int = 0
    """How often it met a fault that may be its own."""
    through: int = 0
    """How many batches had got through when it first met such a fault."""

    @property
    def wanted(self) -> bool:
        """Whether it is still ours to do."""
        return self.ledger.wants(self.raw.offset)


@dataclass(slots=True, eq=False)
class Unit:
    """What one task works on: one record, or the records of one batch."""

    items: list[Item]
    begun: float = field(default_factory=time.monotonic)
    """When work on it began; later by what it then waited in line."""
    parked: bool = False
    """True while it only waits (for the lane, for the next attempt): nothing is lost by ending it."""
    timeout: asyncio.Timeout | None = None
    """Of the attempt that is under way."""
    deadline: Deadline | None = None
    left: float = 0.0
    stopped: set[Cause] = field(default_factory=set)
    ended: bool = False
    """True once its work is cancelled by whoever began it. That a task is asked to end says less: a
    task group of which a task fails as it ends leaves such a wish behind (CPython below 3.13)."""
    aside: bool = False
    """True while it waits to see how others fare: its place may be taken by one of them."""

    async def rest_aside(self, seconds: float) -> None:
        """Wait, parked, and let another unit have the place."""
        self.aside = True
        try:
            await self.rest(seconds)
        finally:
            self.aside = False

    async def rest(self, seconds: float) -> None:
        """Wait, parked."""
        self.parked = True
        await asyncio.sleep(seconds)
        self.parked = False

    @property
    def in_line(self) -> bool:
        """Whether it waits for its turn, in its stage."""
        return "line" in self.stopped

    def stop_clock(self, cause: Cause) -> None:
        """The time of the attempt under way, if there is one, does not run out from now on."""
        timeout = self.timeout
        if timeout is None or timeout.expired():
            return
        if not self.stopped and (when := timeout.when()) is not None:
            self.left = when - asyncio.get_running_loop().time()
            timeout.reschedule(None)
        self.stopped.add(cause)

    def start_clock(self, cause: Cause) -> None:
        """It goes on, unless something else stops it, or this did not."""
        if cause not in self.stopped:
            return
        self.stopped.discard(cause)
        if not self.stopped and self.timeout is not None and not self.timeout.expired():
            self.timeout.reschedule(asyncio.get_running_loop().time() + self.left)


in_work: ContextVar[Unit | None] = ContextVar("in_work", default=None)
"""The unit that a stage is called for."""


@contextmanager
def standing_still() -> Iterator[None]:
    """For a stage, around what is but waiting for a turn: it does not count against the record's deadline,
    however long those are at work that go first."""
    unit = in_work.get()
    deadline = None if unit is None else unit.deadline
    if unit is None or deadline is None:
        yield
        return
    before, began = deadline.left, time.monotonic()
    unit.stop_clock("line")
    try:
        yield
    finally:
        deadline.excuse(before - deadline.left)
        unit.begun += time.monotonic() - began
        unit.start_clock("line")
