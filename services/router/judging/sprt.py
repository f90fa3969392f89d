"""Failures as they come: a sequential probability ratio test that never forgets how to act.

Two rates are weighed against each other, one that is fine and one that is not. Each run moves the log of
their likelihood ratio; beyond the upper bound the worse rate is believed. The ratio never falls below the
lower bound, where the plain test would end and believe in the better rate for good: of a lane that was well
for thousands of runs, 9 failures in a row tell that it broke, where 7 tell it of a new one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import repeat
from math import log


@dataclass(frozen=True, slots=True)
class Walk:
    """Where the ratio went, up to the run at which it crossed the upper bound, if it did."""

    runs: int
    failed: int
    ratio: float
    bound: float
    crossed: bool


@dataclass(frozen=True, slots=True)
class Sprt:
    """The test of `rate` against `worse`, 0 < rate < worse < 1. `alpha`: how often `rate` may be taken for
    `worse`; `beta`: the reverse; of one test from its start to an end."""

    rate: float
    worse: float
    alpha: float
    beta: float

    @property
    def upper(self) -> float:
        """Beyond it `worse` is believed."""
        return log((1 - self.beta) / self.alpha)

    @property
    def lower(self) -> float:
        """Where the ratio stays, however well it goes."""
        return log(self.beta / (1 - self.alpha))

    def walk(self, failures: Iterable[bool], seen: Iterable[float] = repeat(1.0)) -> Walk:
        """The test over runs in order, True: failed. `seen`: of one that has not, 1 if it never will, less if
        it is at work, and this part of the failing would have failed by now. It reads no further than the run
        that decides it."""
        upper, lower = self.upper, self.lower
        up = log(self.worse / self.rate)
        runs = failed = 0
        ratio = 0.0
        for runs, (bad, part) in enumerate(zip(failures, seen, strict=False), 1):
            failed += bad
            step = up if bad else log((1 - part * self.worse) / (1 - part * self.rate))
            ratio = max(lower, ratio + step)
            if ratio >= upper:
                return Walk(runs, failed, ratio, upper, True)
        return Walk(runs, failed, ratio, upper, False)
