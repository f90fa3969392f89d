"""Between which rates the truth lies when so many of so many went well."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

Z_95 = 1.959963984540054
"""Of the normal distribution: 95 % lie between minus this and this."""


class Bounds(NamedTuple):
    """The 95 % score interval of a rate."""

    low: float
    high: float


def wilson(successes: int, of: int, z: float = Z_95) -> Bounds:
    """Wilson's score interval: it holds for few runs, and where none or all went well. Of nothing: 0 to 1."""
    if not of:
        return Bounds(0.0, 1.0)
    rate, square = successes / of, z * z
    scale = 1 + square / of
    middle = (rate + square / (2 * of)) / scale
    half = z * sqrt(rate * (1 - rate) / of + square / (4 * of * of)) / scale
    low = 0.0 if successes == 0 else max(0.0, middle - half)
    return Bounds(low, 1.0 if successes == of else min(1.0, middle + half))
