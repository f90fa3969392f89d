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
    in_doubt: Backoff = field(default_factory=lambda: Backoff(base=2.0, cap=60.0))
    """How long a record that may be to blame itself waits for others to get through."""
    unknown_trials: int = 3
    """So often a fault that may or may not lie in the record pauses the lane before it is looked for in the
    record."""
