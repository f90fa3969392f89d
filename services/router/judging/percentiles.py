"""Percentiles, by one definition everywhere: linear between the two values that are nearest in rank."""

from __future__ import annotations

from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float | None:
    """The value below which `share` (0 to 1) of the values lie; 0.5 is the median. None of nothing."""
    if not values:
        return None
    ordered = sorted(values)
    rank = share * (len(ordered) - 1)
    below = int(rank)
    if below + 1 >= len(ordered):
        return ordered[-1]
    low, high = ordered[below], ordered[below + 1]
    return min(high, low + (high - low) * (rank - below))


def median(values: Sequence[float]) -> float | None:
    """Half of the values lie on either side of it. None of nothing."""
    return percentile(values, 0.5)
