"""The road that all calls to one provider take. A lane fault closes it for all; it opens again by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from shared.domain.errors import ModelUnavailableError
from shared.models.claude.options import LanePolicy

Probe = Callable[[], Awaitable[str | None]]
"""Tries one small call; gives None if it got through, else the reason why not."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LaneState:
    """The lane at one moment, for progress, health and metrics."""

    paused: bool
    reason: str
    """Why it is paused, or was last; empty if it never was."""
    paused_seconds: float
    """How long it was paused in all its life."""
    pauses: int
    """How often it was paused."""


class ModelLane:
    """Open until `trip`. While it is paused all callers of `enter` wait, and one of them probes at a time.

    Patience is counted from the first fault after the last call that got through, so a lane that opens and
    closes again at once does not wait for ever.
    """

    def __init__(self, policy: LanePolicy) -> None:
        self._policy = policy
        self._turn = asyncio.Lock()
        self._paused = False
        self._reason = ""
        self._paused_at = 0.0
        self._paused_for = 0.0
        self._pauses = 0
        self._troubled_since: float | None = None
        self._interval = policy.first_probe
        self._next_probe = 0.0

    @property
    def paused_seconds(self) -> float:
        """Seconds paused in all: time that counts against no deadline."""
        return self._paused_for + (_now() - self._paused_at if self._paused else 0.0)

    @property
    def state(self) -> LaneState:
        """The lane as it is now."""
        return LaneState(
            self._paused, self._reason, self.paused_seconds if self._pauses else 0.0, self._pauses
        )

    def trip(self, reason: str) -> None:
        """A call met a lane fault: pause."""
        now = _now()
        if self._troubled_since is None:
            self._troubled_since = now
            self._interval = self._policy.first_probe
        self._reason = reason
        if self._paused:
            return
        self._paused = True
        self._paused_at = now
        self._pauses += 1
        self._next_probe = now + self._interval
        log.warning("model lane paused", reason=reason)

    def succeeded(self) -> None:
        """A call got through."""
        self._troubled_since = None
        if self._paused:
            self._open()

    async def enter(self, probe: Probe) -> None:
        """Wait until the lane is open. Raises ModelUnavailableError when patience has ended."""
        while self._paused:
            async with self._turn:
                if self._paused:
                    await self._try(probe)

    async def _try(self, probe: Probe) -> None:
        wait = max(0.0, self._next_probe - _now())
        if wait > 0:
            left = self._patience_left()
            if left <= 0:
                raise ModelUnavailableError(f"the model cannot be used: {self._reason}")
            await asyncio.sleep(min(wait, left))
            if wait > left:
                return
        reason = await probe()
        if not self._paused:
            return
        self._interval = min(self._interval * 2, self._policy.probe_cap)
        if reason is None:
            self._open()
        else:
            self._reason = reason
            self._next_probe = _now() + self._interval
            log.info("model lane still paused", reason=reason, next_trial_seconds=round(self._interval, 1))

    def _patience_left(self) -> float:
        if self._policy.patience is None or self._troubled_since is None:
            return float("inf")
        return self._troubled_since + self._policy.patience - _now()

    def _open(self) -> None:
        self._paused = False
        self._paused_for += _now() - self._paused_at
        log.warning("model lane open", reason=self._reason)


def _now() -> float:
    return asyncio.get_running_loop().time()
