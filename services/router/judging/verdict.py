"""The verdict on a lane: roll back, hold, not enough to say, or pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from services.router.judging.comparison import LaneFigures, compare_lanes
from services.router.judging.counting import of_step, of_v1, served
from services.router.judging.signals import (
    Kind,
    Signal,
    enough,
    failures,
    new_errors,
    stuck,
    success,
    times,
)
from services.router.judging.thresholds import Thresholds, thresholds_of
from services.router.judging.worse import Other, comparisons
from shared.pipelines import V1
from shared.store.routing import Outcome, Policy

WORST_FIRST: Final[tuple[Kind, ...]] = ("rollback", "hold", "inconclusive", "pass")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done, and all that was looked at."""

    kind: Kind
    """`hold` and `inconclusive` both keep the share as it is."""
    policy_version: int
    """The policy that was judged: a change that follows is made only to this one."""
    judged_at: datetime
    signals: tuple[Signal, ...]
    lanes: tuple[LaneFigures, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """The sentences of the signals that are not well, the worst first; none of a pass."""
        return tuple(each.sentence for kind in WORST_FIRST[:-1] for each in self.signals if each.kind == kind)

    @property
    def sentence(self) -> str:
        """The verdict and why, in one line."""
        said = {
            "rollback": "Roll back",
            "hold": "Hold",
            "inconclusive": "Not enough to say",
            "pass": "Pass",
        }[self.kind]
        of_kind = [each.sentence for each in self.signals if each.kind == self.kind]
        if self.kind == "pass":
            of_kind = [each.sentence for each in self.signals if each.name in ("success", "stuck")]
        return f"{said}: {'; '.join(of_kind)}."

    def as_json(self) -> dict[str, Any]:
        """Itself, as JSON has it."""
        return asdict(self) | {"judged_at": self.judged_at.isoformat(), "sentence": self.sentence}


def judge(
    policy: Policy,
    outcomes: Sequence[Outcome],
    before: Sequence[Outcome],
    now: datetime,
    thresholds: Thresholds | None = None,
) -> Verdict:
    """Judge what became of the runs that were decided on since the policy's step was entered; others among
    `outcomes` are left out. `before`: those of the step before, none where there was none.

    Thresholds that cannot be read hold, and those that stand without them are judged by: the row rolls
    nothing back, and keeps nobody from being rolled back. `thresholds`: given, the policy's are not read.
    """
    wrong = ""
    if thresholds is None:
        thresholds, wrong = thresholds_of(policy.thresholds)
    since = of_step(outcomes, policy)
    own, past = served(since), served(before)
    signals = [*_of_policy(policy, wrong), failures(own, thresholds), stuck(own, thresholds)]
    ended = enough(own, thresholds)
    signals.append(ended)
    if ended.kind == "pass":
        others = [Other(V1, V1, of_v1(since)), Other("before", "the step before", past)]
        signals += [success(own, thresholds), times(own, thresholds)]
        signals += [each for each in (new_errors(own, past, thresholds),) if each is not None]
        signals += comparisons(own, others, thresholds)
    kind = min((each.kind for each in signals), key=WORST_FIRST.index)
    if kind == "rollback" and policy.passthrough:
        kind = "hold"  # it is rolled back already
    return Verdict(kind, policy.version, now, tuple(signals), compare_lanes(since))


def _of_policy(policy: Policy, wrong: str) -> list[Signal]:
    """What the policy itself says against going on."""
    found = []
    if wrong:
        told = f"{wrong.removesuffix('.')}; judged by those that stand without it"
        found.append(Signal("thresholds", "hold", {}, told))
    if policy.frozen:
        found.append(Signal("frozen", "hold", {}, "the policy is frozen since a rollback: a person thaws it"))
    if policy.passthrough:
        found.append(Signal("passthrough", "hold", {}, "passthrough is on: every import goes to v1"))
    return found
