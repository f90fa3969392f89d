"""How often and how long to try."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.resilience.backoff import Backoff


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how long a record, or a call, is tried."""

    backoff: Backoff = field(default_factory=Backoff)
    attempts: int = 8
    """Most attempts on transient faults, the first one included."""
    deadline: float = 900.0
    """Seconds for a record over all attempts, waits included, time in a paused lane not."""
    outage_after: int = 3
    """So many records in a row that used up their attempts, and none that succeeded, are no longer the
    records' fault: the lane pauses. A provider's outage must not become ten thousand dead letters."""
    outage_trials: int = 10
    """A record that used up its attempts so many times is dead all the same."""
