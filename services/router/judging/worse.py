"""Whether chunks have become slower, dearer, or fewer than elsewhere: v1, and the step before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.router.judging.counting import coverages, per_chunk
from services.router.judging.percentiles import median
from services.router.judging.ranks import larger
from services.router.judging.signals import Figures, Signal
from services.router.judging.thresholds import Thresholds
from services.router.judging.words import chance, figure, percent
from shared.store.routing import Outcome


class Other(NamedTuple):
    """What a lane is held against."""

    key: str
    name: str
    outcomes: Sequence[Outcome]


def comparisons(own: Sequence[Outcome], others: Sequence[Other], t: Thresholds) -> tuple[Signal, ...]:
    """A signal for each figure and each that has it too. Fewer where there is nothing to compare with: then
    the bounds stand alone."""
    found = []
    for what, unit in (("seconds", "s"), ("cost", "USD")):
        mine = per_chunk(own, what)
        for other in others:
            theirs = per_chunk(other.outcomes, what)
            if mine and theirs:
                found.append(_grown(what, unit, _Pair(mine, theirs), other, t))
    mine = coverages(own)
    for other in others:
        theirs = coverages(other.outcomes)
        if mine and theirs:
            found.append(_covered(_Pair(mine, theirs), other, t))
    return tuple(found)


class _Pair(NamedTuple):
    mine: Sequence[float]
    theirs: Sequence[float]

    @property
    def medians(self) -> tuple[float, float]:
        return median(self.mine) or 0.0, median(self.theirs) or 0.0

    def figures(self, p: float) -> Figures:
        here, there = self.medians
        counts = {"runs": len(self.mine), "others": len(self.theirs)}
        return {"median": round(here, 6), "other": round(there, 6), "p": p, **counts}


def _grown(what: str, unit: str, pair: _Pair, other: Other, t: Thresholds) -> Signal:
    here, there = pair.medians
    p = larger(pair.mine, pair.theirs)
    worse = p < t.p and here > 0 and here >= t.worse * there
    times = f"{figure(here / there)} times" if there else "more than nothing" if here else "the same"
    return Signal(
        f"{what}_against_{other.key}",
        "hold" if worse else "pass",
        pair.figures(p),
        f"{what} per chunk {figure(here)} {unit} of {len(pair.mine):,} against {figure(there)} {unit} of "
        f"{len(pair.theirs):,} in {other.name}: {times}, p {chance(p)} "
        f"(less than {t.worse:g} times, or p at least {t.p:g})",
    )


def _covered(pair: _Pair, other: Other, t: Thresholds) -> Signal:
    here, there = pair.medians
    p = larger(pair.theirs, pair.mine)
    lower = round(100 * (there - here), 6)
    worse = p < t.p and lower > 0 and lower >= t.coverage_points
    told = f"{_points(abs(lower))} {'lower' if lower > 0 else 'higher'}" if lower else "the same"
    return Signal(
        f"coverage_against_{other.key}",
        "hold" if worse else "pass",
        pair.figures(p),
        f"coverage {percent(here)} of {len(pair.mine):,} against {percent(there)} of {len(pair.theirs):,} in "
        f"{other.name}: {told}, p {chance(p)} "
        f"(less than {_points(t.coverage_points)} lower, or p at least {t.p:g})",
    )


def _points(points: float) -> str:
    return f"{points:.3g} {'point' if points == 1 else 'points'}"
