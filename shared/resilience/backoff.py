"""How long to wait before trying again."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with jitter, full unless told otherwise: that spreads the retries of many best."""

    base: float = 0.5
    """Seconds: the longest first wait."""
    cap: float = 30.0
    """Seconds: the longest wait."""
    jitter: float = 1.0
    """The share of a wait that is drawn: with 0 each is as long as it may be."""

    def delay(self, failures: int) -> float:
        """Seconds to wait after the `failures`-th failure in a row, 1 being the first."""
        longest = min(self.cap, self.base * 2.0 ** min(failures - 1, 32))
        return random.uniform(longest * (1.0 - self.jitter), longest)  # noqa: S311 - jitter, not a secret
