"""A lane: the road that all work of one kind takes, the records of a pool or the calls to a provider. When it
is blocked it pauses as a whole, says why, and opens again by itself: a circuit breaker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType

import structlog

from shared.domain.told import told_by_name
from shared.resilience.backoff import Backoff
from shared.resilience.faults import LaneError

FAULTS = "faults"
"""The hold that lane faults put on; a trial that passes takes it off again."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a lane is paused."""

    reason: str
    since: float = field(default_factory=time.time)
    """Unix time."""


class _Scout(Enum):
    NONE = "none"
    DUE = "due"
    OUT = "out"


class Lane:
    """Open while nobody holds it. Used from one event loop only.

    After a lane fault it is tried at growing intervals. With a `probe`, that is called until it returns
    without an error. Without one, one caller of `enter` at a time is let through as a scout, and says what
    became of it: its work may be the trial, or it may make a small trial before its work.

    Trouble lasts from the first fault until work gets through. A lane that opens and is tripped again at once
    is in trouble still: intervals go on growing, and patience goes on ending.
    """

    def __init__(
        self,
        *,
        name: str = "records",
        backoff: Backoff | None = None,
        probe: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._name = name
        self._backoff = backoff or Backoff(base=2.0, cap=60.0)
        self._probe = probe
        self._holds: dict[str, Hold] = {}
        self._troubled_since: float | None = None
        self._failures = 0
        self._scout = _Scout.NONE
        self._changed = asyncio.Event()
        self._timer: asyncio.Task[None] | None = None
        self._watchers: list[Callable[[bool], None]] = []
        self._paused_at = 0.0
        self._paused_for = 0.0

    @property
    def paused(self) -> bool:
        return bool(self._holds)

    @property
    def paused_seconds(self) -> float:
        """How long the lane has been paused in all its life: time that does not count against a deadline."""
        return self._paused_for + (time.monotonic() - self._paused_at if self._holds else 0.0)

    @property
    def holds(self) -> Mapping[str, Hold]:
        """Who holds the lane, and why."""
        return MappingProxyType(self._holds)

    @property
    def trouble(self) -> str:
        """Why the lane is paused; empty while it is open."""
        return "; ".join(hold.reason for hold in self._holds.values())

    def watch(self, changed: Callable[[bool], None]) -> None:
        """Call `changed(paused)` whenever the lane pauses or opens."""
        self._watchers.append(changed)

    def hold(self, name: str, reason: str) -> None:
        """Pause the lane on behalf of `name` until it calls `release`; again: for another reason."""
        if (held := self._holds.get(name)) is not None:
            self._holds[name] = replace(held, reason=reason)
            return
        self._holds[name] = Hold(reason)
        log.warning("lane paused", lane=self._name, hold=name, reason=reason)
        if len(self._holds) == 1:
            self._signal()
            self._tell(True)

    def release(self, name: str) -> None:
        """Take a hold off; the last one off opens the lane. Nothing happens if there is no such hold."""
        if self._holds.pop(name, None) is None:
            return
        if name == FAULTS:
            self._stop_trials()
        self._signal()
        log.warning("lane hold released", lane=self._name, hold=name, paused=self.paused)
        if not self._holds:
            self._tell(False)

    async def enter(self, patience: float | None = None) -> bool:
        """Wait until the lane is open, or this caller is its scout: then True, and it must say what became of
        it by `report` or `reopen`.

        Raises LaneError when trouble has lasted for `patience` seconds (None: waits for ever) and no trial is
        due or under way.
        """
        while self._holds:
            if self._scout is _Scout.DUE and self._holds.keys() == {FAULTS}:
                self._scout = _Scout.OUT
                return True
            left = None if self._scout is _Scout.OUT else self.left_of(patience)
            if left is not None and left <= 0:
                raise LaneError(self.trouble)
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._changed.wait()
        return False

    async def pauses(self) -> None:
        """Return once it is paused."""
        while not self._holds:
            await self._changed.wait()

    def trip(self, reason: str, *, since: float | None = None) -> None:
        """Work met a lane fault: pause, and arrange for a trial. `since` (monotonic): no work got through
        from then on, and patience began to end."""
        if self._troubled_since is None:
            self._troubled_since = time.monotonic() if since is None else since
            self._failures = 0
        if FAULTS in self._holds:
            self._say(reason)
        else:
            self.hold(FAULTS, reason)
            self._try_later()

    def report(self, passed: bool | None, reason: str = "") -> None:
        """What became of the scout: it got through, or did not, for a `reason` that may be new; or None if it
        could not try, and another may."""
        if FAULTS not in self._holds:
            return
        if passed:
            self.succeeded()
        elif passed is None:
            self._offer_scout()
        else:
            self._say(reason)
            self._still_blocked(reason, self._try_later())
            self._signal()

    def reopen(self) -> None:
        """A trial passed, but that was no work: open the lane, and see."""
        self.release(FAULTS)

    def succeeded(self) -> None:
        """Work got through: the trouble is over, and the lane opens if faults held it."""
        self._troubled_since = None
        self.release(FAULTS)

    async def close(self) -> None:
        """Stop trying. Safe to call twice."""
        if self._timer is not None:
            self._timer.cancel()
            await asyncio.wait([self._timer])

    def _signal(self) -> None:
        """Have those who wait look again."""
        self._changed.set()
        self._changed.clear()

    def left_of(self, patience: float | None) -> float | None:
        """Seconds of that patience that are left; None if it never ends, or there is no trouble."""
        if patience is None or self._troubled_since is None:
            return None
        return self._troubled_since + patience - time.monotonic()

    def _tell(self, paused: bool) -> None:
        now = time.monotonic()
        if paused:
            self._paused_at = now
        else:
            self._paused_for += now - self._paused_at
        for changed in self._watchers:
            changed(paused)

    def _say(self, reason: str) -> None:
        if reason:
            self._holds[FAULTS] = replace(self._holds[FAULTS], reason=reason)

    def _try_later(self) -> float:
        self._stop_trials()
        delay = self._longer()
        self._timer = asyncio.create_task(self._trial(delay))
        return delay

    async def _trial(self, delay: float) -> None:
        await asyncio.sleep(delay)
        while self._probe is not None:
            try:
                await self._probe()
            except Exception as error:
                delay = self._longer()
                self._still_blocked(told_by_name(error), delay)
                await asyncio.sleep(delay)
            else:
                self._timer = None  # this task: opening must not stop it
                self.reopen()
                return
        self._offer_scout()

    def _still_blocked(self, reason: str, delay: float) -> None:
        log.info("lane still blocked", lane=self._name, reason=reason, next_trial_seconds=round(delay, 1))

    def _longer(self) -> float:
        self._failures += 1
        return self._backoff.delay(self._failures)

    def _offer_scout(self) -> None:
        self._scout = _Scout.DUE
        self._signal()

    def _stop_trials(self) -> None:
        self._scout = _Scout.NONE
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
