"""How long a task may take."""

from __future__ import annotations

import time

from shared.resilience.lane import Lane


class Deadline:
    """So many seconds from now on; time in which the lane is paused does not count."""

    def __init__(self, lane: Lane, seconds: float) -> None:
        self._lane = lane
        self._seconds = seconds
        self._began = time.monotonic()
        self._paused_before = lane.paused_seconds

    def excuse(self, seconds: float) -> None:
        """So many seconds of those that have passed do not count either."""
        self._seconds += seconds

    @property
    def left(self) -> float:
        """Seconds that are left; negative once it has passed."""
        paused = self._lane.paused_seconds - self._paused_before
        return self._seconds - (time.monotonic() - self._began - paused)

    @property
    def passed(self) -> bool:
        """Whether the task has had its time."""
        return self.left < 0
