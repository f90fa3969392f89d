"""A lane: the road that all records of a pool take. When it is blocked it pauses as a whole, says why, and
opens again by itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import structlog

from shared.resilience.backoff import Backoff

FAULTS = "faults"
"""The hold that lane faults of the stage put on; probing, or one record at a time, takes it off again."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a lane is paused."""

    reason: str
    since: float = field(default_factory=time.time)
    """Unix time."""


class Lane:
    """Open while nobody holds it. Used from one event loop only.

    After a lane fault, `probe` is called at growing intervals until it returns without an error. Without a
    probe, one record at a time is let through as a scout: if it gets through, the lane opens.
    """

    def __init__(
        self, *, backoff: Backoff | None = None, probe: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        self._backoff = backoff or Backoff(base=2.0, cap=60.0)
        self._probe = probe
        self._holds: dict[str, Hold] = {}
        self._failures = 0
        self._scout_due = False
        self._wake = asyncio.Event()
        self._wake.set()
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

    def watch(self, changed: Callable[[bool], None]) -> None:
        """Call `changed(paused)` whenever the lane pauses or opens."""
        self._watchers.append(changed)

    def hold(self, name: str, reason: str) -> None:
        """Pause the lane on behalf of `name` until it calls `release`."""
        if name in self._holds:
            return
        self._holds[name] = Hold(reason)
        self._wake.clear()
        log.warning("lane paused", hold=name, reason=reason)
        if len(self._holds) == 1:
            self._tell(True)

    def release(self, name: str) -> None:
        """Take a hold off; the last one off opens the lane. Nothing happens if there is no such hold."""
        if self._holds.pop(name, None) is None:
            return
        log.warning("lane hold released", hold=name, paused=self.paused)
        if not self._holds:
            self._wake.set()
            self._tell(False)
        elif self._scout_due:
            self._wake.set()

    def _tell(self, paused: bool) -> None:
        now = time.monotonic()
        if paused:
            self._paused_at = now
        else:
            self._paused_for += now - self._paused_at
        for changed in self._watchers:
            changed(paused)

    async def enter(self) -> bool:
        """Wait until the lane is open, or this caller is its scout: then True, and it must `report`."""
        while self._holds:
            if self._scout_due and self._holds.keys() == {FAULTS}:
                self._scout_due = False
                self._wake.clear()
                return True
            await self._wake.wait()
            if self._holds and self._holds.keys() != {FAULTS}:
                self._wake.clear()
        return False

    def trip(self, reason: str) -> None:
        """A record met a lane fault: pause, and arrange for a trial."""
        if FAULTS in self._holds:
            return
        self._failures = 0
        self.hold(FAULTS, reason)
        self._try_later()

    def report(self, passed: bool | None) -> None:
        """What became of the scout: through, not through, or None if it could not try."""
        if FAULTS not in self._holds:
            return
        if passed:
            self.release(FAULTS)
        elif passed is None:
            self._offer_scout()
        else:
            self._try_later()

    def _try_later(self) -> None:
        self._failures += 1
        self._timer = asyncio.create_task(self._trial(self._backoff.delay(self._failures)))

    async def _trial(self, delay: float) -> None:
        while True:
            await asyncio.sleep(delay)
            if self._probe is None:
                self._offer_scout()
                return
            try:
                await self._probe()
            except Exception as error:
                self._failures += 1
                delay = self._backoff.delay(self._failures)
                log.info("lane still blocked", error=type(error).__name__, next_trial_seconds=round(delay, 1))
            else:
                self.release(FAULTS)
                return

    def _offer_scout(self) -> None:
        self._scout_due = True
        self._wake.set()

    async def close(self) -> None:
        """Stop trying. Safe to call twice."""
        if self._timer is not None:
            self._timer.cancel()
            await asyncio.wait([self._timer])
