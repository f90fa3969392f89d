"""Whether a fault that may lie in a record does: told by whether others get through meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from shared.log.units import Item
from shared.resilience.faults import Fault, fault_of
from shared.resilience.retry import RetryPolicy


class Doubt:
    """Judges the faults of one stage. A database that refuses everybody for minutes must not cost a good
    record, and a record that it always refuses must hold nobody up for longer."""

    def __init__(self, policy: RetryPolicy, *, together: bool) -> None:
        self._policy = policy
        self._of_long_work = Fault.POISON if together else Fault.TRANSIENT
        self._through = 0

    def got_through(self) -> None:
        """A batch was handled."""
        self._through += 1

    def judge(self, batch: Sequence[Item], error: Exception) -> Fault:
        """The fault of an attempt at these records, which were tried together before.

        One that is not known pauses the lane at first. Once the same records have met it again and again,
        though the lane was found to be well each time, they are halved: POISON. A record alone is to blame if
        others got through since it first met it, or if it met it as often as an outage is tried; until then
        UNKNOWN: it should wait by itself, so that others are tried. Where the stage takes one record a call,
        that may be long work which met it in different places: it is TRANSIENT then, since attempts are
        bounded.
        """
        fault = fault_of(error)
        if fault is not Fault.UNKNOWN:
            return fault
        first = batch[0]
        for item in batch:
            if not item.doubted:
                item.through = self._through
            item.doubted += 1
        if first.doubted <= self._policy.unknown_trials:
            return Fault.LANE
        if len(batch) > 1:
            return Fault.POISON
        if self._through > first.through or first.doubted > self._policy.outage_trials:
            return self._of_long_work
        return Fault.UNKNOWN
