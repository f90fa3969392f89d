"""Which runs count, and what of them: the words in which a lane is judged."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from math import isfinite

from services.router.judging.percentiles import percentile
from shared.pipelines import V1
from shared.store.routing import Outcome, Policy

COMPLETE = "complete"
RECEIVED = "received"
RECALLED = "recalled"
"""The step at which a run failed that was called back: it did not."""


def counts(outcome: Outcome) -> bool:
    """True of a run for which its lane is to blame or to praise: not where the export was at fault, nor of
    one that was cancelled or called back."""
    return not outcome.at_fault and outcome.state != "cancelled" and outcome.failed_at != RECALLED


def has_ended(outcome: Outcome) -> bool:
    """True of a run that is complete or failed."""
    return outcome.ended_at is not None


def has_failed(outcome: Outcome) -> bool:
    """True of a run that ended, and failed."""
    return has_ended(outcome) and outcome.state != COMPLETE


def is_stuck(outcome: Outcome) -> bool:
    """True of a run that should have ended long ago."""
    return outcome.was_stuck and not has_ended(outcome)


def is_at_work(outcome: Outcome) -> bool:
    """True of a run that was taken up, and may still end in time."""
    return outcome.ended_at is None and not outcome.was_stuck and outcome.state != RECEIVED


def served(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Runs that count of the lane that is judged: the one that is not v1."""
    return [each for each in outcomes if each.lane != V1 and counts(each)]


def of_v1(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Runs that count of v1."""
    return [each for each in outcomes if each.lane == V1 and counts(each)]


def of_step(outcomes: Iterable[Outcome], policy: Policy) -> list[Outcome]:
    """Runs that were decided on since the policy's step was entered."""
    return [each for each in outcomes if each.decided_at >= policy.entered_at]


def took(outcome: Outcome, until: datetime | None = None) -> float:
    """Seconds from a run's beginning to its end, or until then where it has none; never below 0."""
    ended = outcome.ended_at or until
    return max(0.0, (ended - outcome.begun_at).total_seconds()) if ended else 0.0


def latest(outcomes: Iterable[Outcome]) -> datetime | None:
    """The latest time that they tell. It is the database's: a clock here may be an hour off."""
    return max((max(o.begun_at, o.decided_at, o.ended_at or o.begun_at) for o in outcomes), default=None)


def mostly_new(outcome: Outcome) -> bool:
    """False of a run most of whose chunks were answered from the cache: what it took and cost beside its few
    calls would pass for theirs. True where it had no chunks."""
    return 2 * outcome.cached <= (outcome.chunks or 0)


def per_chunk(outcomes: Iterable[Outcome], what: str) -> list[float]:
    """`seconds` or `cost` of each chunk that the model read, one value a complete run."""
    found = []
    for each in outcomes:
        new = (each.chunks or 0) - each.cached
        value: float | None = getattr(each, what)
        if has_ended(each) and not has_failed(each) and new > 0 and mostly_new(each) and _sound(value):
            found.append(value / new)  # type: ignore[operator]
    return found


def coverages(outcomes: Iterable[Outcome]) -> list[float]:
    """Coverage, 0 to 1, of each complete run."""
    return [
        each.coverage
        for each in outcomes
        if has_ended(each) and not has_failed(each) and each.coverage is not None and _sound(each.coverage)
    ]


def middle(values: list[float], share: float) -> float | None:
    """A percentile, rounded to what is worth telling."""
    found = percentile(values, share)
    return None if found is None else round(found, 6)


def _sound(value: float | None) -> bool:
    return value is not None and isfinite(value) and value >= 0
