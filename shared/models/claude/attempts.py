"""All attempts at one call: how often it failed and why, and whether that speaks against the call itself."""

from __future__ import annotations

import time

from shared.models.claude.failures import CallRefusedError, Failure
from shared.resilience.deadline import Deadline
from shared.resilience.faults import Fault
from shared.resilience.retry import RetryPolicy

REFUSALS = 2
"""A request is refused for its content if it is so often, each time while a harmless one gets through: once
may be a wrong set-up that was mended in between."""
CONNECT_ATTEMPTS = 3
"""Attempts to connect before the provider counts as down: fewer than those of a call that was taken."""
SILENT_ATTEMPTS = 2
"""Attempts without an answer, while no other call gets through, before the provider counts as down: each
takes all the time that a call may."""
LANE_TRIALS = 8
"""A call that meets a lane fault so often, each time after a trial that passed, is itself the trouble."""


class Attempts:
    """What became of one call so far. Raises CallRefusedError as soon as the call is to blame."""

    def __init__(self, policy: RetryPolicy, deadline: Deadline) -> None:
        self._policy = policy
        self._deadline = deadline
        self._refusals = 0
        self._failed_at: list[float] = []
        self._pauses = 0

    @property
    def failures(self) -> int:
        """Transient faults in a row."""
        return len(self._failed_at)

    def refused(self, failure: Failure, *, doubtful: bool) -> None:
        """The provider refused it. `doubtful`: perhaps not for what it holds, so it is sent once more."""
        self._refusals += 1
        if not doubtful or failure.too_long or self._refusals >= REFUSALS:
            raise CallRefusedError(failure.reason, too_long=failure.too_long)

    def failed(self, failure: Failure, *, last_success: float = float("-inf")) -> bool:
        """It met a transient fault, while another call last got through at `last_success`; whether it may be
        sent again after a wait."""
        self._failed_at.append(time.monotonic())
        most = self._policy.attempts
        if failure.unreachable:
            most = min(CONNECT_ATTEMPTS, most)
        elif failure.silent and last_success < self._failed_at[0]:
            most = min(SILENT_ATTEMPTS, most)
        return self.failures < most and not self._deadline.passed

    def exhausted(self, failure: Failure, *, last_success: float) -> None:
        """Its attempts on transient faults are used up, while another call last got through at
        `last_success`: if none did since the latter half of the failures began, the provider is down rather
        than this call bad."""
        if not failure.unreachable and last_success > self._failed_at[self.failures // 2]:
            raise CallRefusedError(f"gave up after {self.failures} attempts: {failure.reason}")

    def blocked(self, failure: Failure, *, alone: bool) -> None:
        """The lane pauses on its account. `alone`: no other call is known to fail like it, so it may be the
        trouble itself."""
        if alone and not failure.unreachable:
            self._pauses += 1
            transient = failure.fault is Fault.TRANSIENT
            if self._pauses > (self._policy.outage_trials if transient else LANE_TRIALS):
                raise CallRefusedError(f"this call alone fails again and again: {failure.reason}")
        self._failed_at.clear()
