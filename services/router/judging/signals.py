"""What is looked at in a lane, one signal each: its kind, its figures, and the sentence that ops read."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from services.router.judging.counting import has_ended, has_failed, is_at_work, is_stuck, latest, took
from services.router.judging.percentiles import median
from services.router.judging.sprt import Sprt
from services.router.judging.thresholds import Thresholds
from services.router.judging.words import limit, percent, span
from shared.domain.plurals import counted, listed, plural
from shared.store.routing import Outcome

Kind = Literal["rollback", "hold", "inconclusive", "pass"]
"""The worst first: what is to be done."""
Figures = Mapping[str, float | int | str | None]


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that was looked at."""

    name: str
    kind: Kind
    figures: Figures
    sentence: str


def failures(own: Sequence[Outcome], t: Thresholds) -> Signal:
    """Whether too many fail to go on.

    Runs count when they end, and in the order in which they were begun. But what fails may do so in a second,
    and what does not take minutes: the first to end after a change would all be failures, whatever the rate.
    So a run at work counts too, as far as runs that fail would have failed by its age.
    """
    test = Sprt(t.failure_rate, t.failure_rate_bad, t.alpha, t.beta)
    known = _known(own)
    walk = test.walk((each.failed for each in known), (each.seen for each in known))
    at_work = sum(each.at_work for each in known[: walk.runs])
    sentence = (
        f"{walk.failed:,} of {walk.runs:,} failed: log ratio {walk.ratio:.2f} (rolls back at "
        f"{walk.bound:.2f}, which is {limit(t.failure_rate_bad)} failing rather than {limit(t.failure_rate)})"
    )
    if at_work:
        are = plural(at_work, "is", "are")
        sentence += f"; {at_work:,} of them {are} at work, and of an age at which others failed"
    figures = {
        "failed": walk.failed,
        "runs": walk.runs,
        "at_work": at_work,
        "log_ratio": round(walk.ratio, 4),
        "bound": round(walk.bound, 4),
    }
    return Signal("failures", "rollback" if walk.crossed else "pass", figures, sentence)


class _Known(NamedTuple):
    """What is known of a run. `seen`: which part of what fails had failed by its age; 1 if it has ended."""

    failed: bool
    seen: float
    at_work: bool


def _known(own: Sequence[Outcome]) -> list[_Known]:
    """The runs in the order in which they were begun, without those of which nothing is known yet."""
    ages = sorted(took(each) for each in own if has_failed(each))
    until = latest(own)
    known = []
    for each in sorted(own, key=lambda each: (each.begun_at, each.import_id)):
        if has_ended(each):
            known.append(_Known(has_failed(each), 1.0, False))
        elif ages and is_at_work(each) and (by_now := bisect_right(ages, took(each, until))):
            known.append(_Known(False, by_now / len(ages), True))
    return known


def stuck(own: Sequence[Outcome], t: Thresholds) -> Signal:
    """Whether runs do not end. The times at which they become stuck are held against each other, never
    against a clock here."""
    now_stuck = sum(map(is_stuck, own))
    most, window = 0, deque[float]()
    for begun in sorted(each.begun_at.timestamp() for each in own if each.was_stuck):
        window.append(begun)
        while begun - window[0] > t.stuck_window_seconds:
            window.popleft()
        most = max(most, len(window))
    figures = {"stuck": now_stuck, "became_stuck": most}
    after, within = span(t.stuck_seconds), span(t.stuck_window_seconds)
    if most > t.stuck_runs:
        sentence = f"{most} runs became stuck within {within} (more than {t.stuck_runs} roll back)"
        return Signal("stuck", "rollback", figures, sentence)
    if now_stuck:
        are, were = plural(now_stuck, "is", "are"), plural(now_stuck, "it was", "they were")
        sentence = f"{counted(now_stuck, 'run')} {are} stuck, without an end {after} after {were} begun"
        return Signal("stuck", "hold", figures, sentence)
    return Signal("stuck", "pass", figures, f"no run is stuck ({after} without an end)")


def enough(own: Sequence[Outcome], t: Thresholds) -> Signal:
    """Whether so many have ended that something can be said of them."""
    ended = sum(map(has_ended, own))
    kind: Kind = "pass" if ended >= t.enough else "inconclusive"
    return Signal("ended", kind, {"ended": ended}, f"{ended:,} ended (at least {t.enough} are needed)")


def success(own: Sequence[Outcome], t: Thresholds) -> Signal:
    """Which part is complete of those that ended."""
    ended = sum(map(has_ended, own))
    complete = ended - sum(map(has_failed, own))
    rate = complete / ended
    return Signal(
        "success",
        "pass" if rate >= t.success else "hold",
        {"success": round(rate, 6), "complete": complete, "ended": ended},
        f"success {percent(rate)} of {ended:,} (at least {limit(t.success)})",
    )


def times(own: Sequence[Outcome], t: Thresholds) -> Signal:
    """Whether most imports end soon, and few take long; one at work that has taken long is among them."""
    until = latest(own)
    seconds = [
        spent
        for each in own
        if not has_failed(each) and ((spent := took(each, until)) > t.long_seconds or has_ended(each))
    ]
    half = median(seconds) or 0.0
    long = sum(each > t.long_seconds for each in seconds) / len(seconds) if seconds else 0.0
    well = half <= t.most_within_seconds and long < t.long_share
    return Signal(
        "times",
        "pass" if well or not seconds else "hold",
        {"seconds_p50": round(half, 3), "long": round(long, 6), "runs": len(seconds)},
        f"half of the imports end within {span(half)} (at most {span(t.most_within_seconds)}), "
        f"{percent(long)} take over {span(t.long_seconds)} (less than {limit(t.long_share)})",
    )


def new_errors(own: Sequence[Outcome], before: Sequence[Outcome], t: Thresholds) -> Signal | None:
    """Whether runs fail at a step at which none did before. None: too few had ended to know."""
    if sum(map(has_ended, before)) < t.enough:
        return None
    known = set(_failed_at(before))
    new = {step: count for step, count in _failed_at(own).items() if step not in known}
    if not new:
        return Signal("new_errors", "pass", {}, "no run fails where none did in the step before")
    told = listed([f"{counted(count, 'run')} at {step}" for step, count in sorted(new.items())])
    return Signal("new_errors", "hold", new, f"{told} failed, where none did in the step before")


def _failed_at(outcomes: Iterable[Outcome]) -> Counter[str]:
    return Counter((each.failed_at or "an unnamed step")[:60] for each in outcomes if has_failed(each))
