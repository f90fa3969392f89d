"""Lanes side by side, and v1 beside its shadow: figures and ids, no text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from services.router.judging.counting import (
    COMPLETE,
    counts,
    coverages,
    has_ended,
    has_failed,
    is_stuck,
    middle,
    mostly_new,
    took,
)
from services.router.judging.wilson import wilson
from shared.pipelines import V1
from shared.store.routing import Outcome, Pair

MOST_IDS = 20
"""So many ids are named at most."""


@dataclass(frozen=True, slots=True)
class LaneFigures:
    """What became of the runs of a lane. None: nothing to tell it from."""

    lane: str
    decided: int
    """All; those that do not count are in `left_out`."""
    left_out: int
    """Exports at fault, and runs that were cancelled or called back."""
    under_way: int
    """Without those that are stuck."""
    stuck: int
    ended: int
    complete: int
    success: float | None
    success_low: float
    """Wilson's 95 % interval."""
    success_high: float
    seconds_p50: float | None
    """Of complete runs, from begun to end."""
    seconds_p95: float | None
    coverage: float | None
    """The median."""
    cost_per_1000: float | None
    """USD for 1,000 conversations, of complete runs that did not live on the cache."""
    failed_at: Mapping[str, int]
    """How many failed at which step."""


def lane_figures(lane: str, outcomes: Iterable[Outcome]) -> LaneFigures:
    """The figures of one lane."""
    of_lane = [each for each in outcomes if each.lane == lane]
    counted = [each for each in of_lane if counts(each)]
    ended = [each for each in counted if has_ended(each)]
    complete = [each for each in ended if each.state == COMPLETE]
    stuck = sum(map(is_stuck, counted))
    low, high = wilson(len(complete), len(ended))
    seconds = [took(each) for each in complete]
    return LaneFigures(
        lane=lane,
        decided=len(of_lane),
        left_out=len(of_lane) - len(counted),
        under_way=len(counted) - len(ended) - stuck,
        stuck=stuck,
        ended=len(ended),
        complete=len(complete),
        success=round(len(complete) / len(ended), 6) if ended else None,
        success_low=round(low, 6),
        success_high=round(high, 6),
        seconds_p50=middle(seconds, 0.5),
        seconds_p95=middle(seconds, 0.95),
        coverage=middle(coverages(complete), 0.5),
        cost_per_1000=_cost_per_1000(complete),
        failed_at=dict(sorted(Counter(each.failed_at or "" for each in ended if has_failed(each)).items())),
    )


def compare_lanes(outcomes: Sequence[Outcome]) -> tuple[LaneFigures, ...]:
    """Every lane that has runs, and v1, which is first, for want of runs too."""
    lanes = sorted({each.lane for each in outcomes} - {V1})
    return tuple(lane_figures(lane, outcomes) for lane in (V1, *lanes))


def _cost_per_1000(complete: Iterable[Outcome]) -> float | None:
    cost, conversations = 0.0, 0
    for each in complete:
        if each.cost is not None and each.conversations and mostly_new(each):
            cost += each.cost
            conversations += each.conversations
    return round(1000 * cost / conversations, 6) if conversations else None


@dataclass(frozen=True, slots=True)
class Beside:
    """One figure of both, the median over pairs in which both are complete."""

    v1: float | None
    shadow: float | None
    shadow_more: int
    """In how many pairs the shadow has more."""
    equal: int
    shadow_less: int


@dataclass(frozen=True, slots=True)
class PairFigures:
    """What v1 made, and what the shadow run beside it made of the same import."""

    pairs: int
    both_complete: int
    only_v1: int
    """Complete in v1, failed in shadow."""
    only_shadow: int
    neither: int
    agree: float | None
    """The part of pairs that ended alike."""
    shadow_success: float | None
    """Of pairs that either completed: where neither did, the export may be at fault."""
    shadow_success_low: float
    shadow_success_high: float
    figures: Mapping[str, Beside]
    """facts, sections (filled), memory_characters, tokens, seconds, cost, coverage."""
    failed_in_shadow: tuple[str, ...]
    """Imports that only v1 completed, the first twenty."""
    fewer_sections: tuple[str, ...]
    """Imports in which the shadow filled fewer sections, the first twenty."""

    def as_json(self) -> dict[str, Any]:
        """Itself, as JSON has it."""
        return asdict(self)


_COMPARED = ("facts", "sections", "memory_characters", "tokens", "seconds", "cost", "coverage")


def compare_pairs(pairs: Sequence[Pair]) -> PairFigures:
    """The pairs summed up."""
    well = Counter((each.v1.state == COMPLETE, each.shadow.state == COMPLETE) for each in pairs)
    both = [each for each in pairs if each.v1.state == each.shadow.state == COMPLETE]
    shadow_complete = well[True, True] + well[False, True]
    either = len(pairs) - well[False, False]
    low, high = wilson(shadow_complete, either)
    return PairFigures(
        pairs=len(pairs),
        both_complete=well[True, True],
        only_v1=well[True, False],
        only_shadow=well[False, True],
        neither=well[False, False],
        agree=round((well[True, True] + well[False, False]) / len(pairs), 6) if pairs else None,
        shadow_success=round(shadow_complete / either, 6) if either else None,
        shadow_success_low=round(low, 6),
        shadow_success_high=round(high, 6),
        figures={name: _beside(name, both) for name in _COMPARED},
        failed_in_shadow=_ids(e for e in pairs if e.v1.state == COMPLETE != e.shadow.state),
        fewer_sections=_ids(e for e in both if e.shadow.sections < e.v1.sections),
    )


def _beside(name: str, both: Iterable[Pair]) -> Beside:
    """Of pairs in which both have the figure."""
    values: list[tuple[float, float]] = []
    for each in both:
        one, other = getattr(each.v1, name), getattr(each.shadow, name)
        if one is not None and other is not None:
            values.append((one, other))
    return Beside(
        v1=middle([one for one, _ in values], 0.5),
        shadow=middle([other for _, other in values], 0.5),
        shadow_more=sum(other > one for one, other in values),
        equal=sum(other == one for one, other in values),
        shadow_less=sum(other < one for one, other in values),
    )


def _ids(pairs: Iterable[Pair]) -> tuple[str, ...]:
    return tuple(str(each.import_id) for each in pairs)[:MOST_IDS]
