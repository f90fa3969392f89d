"""Where a rollout stands: its step, for how long, what is missing for the next one, and what that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Literal

from services.router.judging.comparison import PairFigures
from services.router.judging.counting import of_step, of_v1, served
from services.router.judging.signals import success
from services.router.judging.thresholds import Thresholds
from services.router.judging.verdict import Verdict
from services.router.judging.words import limit, percent, share_of, span
from shared.domain.plurals import counted, plural
from shared.store.routing import SHARE_WHOLE, LegacyCalls, Outcome, Policy, PolicyVersion

Place = Literal["rolled back", "passthrough", "v1", "shadow", "share", "announced"]
NextKind = Literal["thaw", "passthrough off", "shadow", "share", "deprecate", "gone"]
LEGACY_ROUTE = "process-full"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a rollout. `share`: of 10,000, what it is named by; a share set by hand between two steps is
    the lower one."""

    place: Place
    name: str
    share: int
    lasts_seconds: float
    """At least."""


@dataclass(frozen=True, slots=True)
class Next:
    """What comes after a step, and who does it."""

    kind: NextKind
    share: int | None
    by_leader: bool
    """In mode auto it needs no person."""
    sentence: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a rollout stands."""

    step: Step
    since: datetime
    lasted_seconds: float
    missing: tuple[str, ...]
    """What has to come before the next step, a sentence each."""
    next: Next
    promote: bool
    """True: the leader takes the next step now."""

    @property
    def allowed(self) -> bool:
        """True where nothing is missing for the next step."""
        return not self.missing

    @property
    def sentence(self) -> str:
        """All of it in a line or two."""
        if self.step.place in ("rolled back", "passthrough", "v1"):
            then = f"Next: {self.next.sentence}."
        elif self.missing:
            then = f"Before the next step: {'; '.join(self.missing)}."
        elif self.promote:
            then = f"The leader goes on by itself: {self.next.sentence}."
        else:
            then = f"The next step is allowed: {self.next.sentence}."
        return f"{self.step.name}, for {span(self.lasted_seconds)}. {then}"

    def as_json(self) -> dict[str, Any]:
        """Itself, as JSON has it."""
        told = {"since": self.since.isoformat(), "allowed": self.allowed, "sentence": self.sentence}
        return asdict(self) | told


def standing(
    policy: Policy,
    verdict: Verdict,
    outcomes: Sequence[Outcome],
    now: datetime,
    thresholds: Thresholds,
    *,
    shadow: PairFigures | None = None,
    calls: Sequence[LegacyCalls] = (),
) -> Standing:
    """Where a rollout stands now. `outcomes`: those that the verdict is on; `shadow`: the pairs since the
    step was entered; `calls`: of routes that end. `now` is best the database's: before a step was entered,
    none of its time has passed."""
    step, since = step_of(policy, thresholds), _since(policy, now)
    lasted = max(0.0, (now - since).total_seconds())
    following = _next(step, policy, thresholds)
    missing: list[str] = []
    if step.place in ("shadow", "share", "announced"):
        if lasted < step.lasts_seconds:
            rest = span(step.lasts_seconds - lasted)
            missing.append(f"{rest} of {span(step.lasts_seconds)} have yet to pass")
        if step.place == "shadow":
            missing += _of_shadow(shadow, thresholds)
        else:
            missing += verdict.reasons
        if step.share == SHARE_WHOLE:
            missing += _of_whole(policy, outcomes, now, thresholds)
        if step.place == "announced":
            missing += _of_callers(policy, calls, now, thresholds)
    promote = not missing and following.by_leader and policy.mode == "auto"
    return Standing(step, since, lasted, tuple(missing), following, promote)


def step_of(policy: Policy, thresholds: Thresholds) -> Step:
    """The step that a policy is in."""
    if policy.frozen:
        return Step("rolled back", "rolled back", 0, 0.0)
    if policy.passthrough:
        return Step("passthrough", "passthrough", 0, 0.0)
    reached = [
        Step("share", share_of(share), share, lasts)
        for share, lasts in zip(thresholds.shares, thresholds.step_seconds, strict=True)
        if share <= policy.share
    ]
    if not reached:
        if policy.shadow and not policy.share:
            return Step("shadow", f"shadow at {share_of(policy.shadow)}", 0, thresholds.shadow_seconds)
        return Step("v1", "before the first step", 0, 0.0)
    if reached[-1].share == SHARE_WHOLE and policy.deprecated_at is not None:
        return Step("announced", "announced", SHARE_WHOLE, thresholds.announced_seconds)
    return reached[-1]


def span_before(history: Sequence[PolicyVersion], policy: Policy) -> tuple[datetime, datetime] | None:
    """From when to when the step before lasted: the last one with a share that was not called back, since
    what was bad is no measure. None where there was none in `history`, which is in any order."""
    entered: dict[datetime, Policy] = {}
    for each in sorted(history, key=lambda each: each.version):
        entered[each.policy.entered_at] = each.policy  # the last version of a step
    steps = [each for _, each in sorted(entered.items()) if each.entered_at < policy.entered_at]
    for step, successor in reversed(list(pairwise([*steps, policy]))):
        if step.share and not step.passthrough and not successor.passthrough:
            return step.entered_at, successor.entered_at
    return None


def _since(policy: Policy, now: datetime) -> datetime:
    """Since when the step's time counts: an announcement's from its own."""
    announced = policy.deprecated_at
    if announced is None or policy.share < SHARE_WHOLE or policy.passthrough or policy.frozen:
        return policy.entered_at
    return max(policy.entered_at, announced)


def _next(step: Step, policy: Policy, t: Thresholds) -> Next:
    first = share_of(t.shares[0])
    if step.place == "rolled back":
        return Next("thaw", None, False, f"mend the cause, `canary thaw`, then from {first} again")
    if step.place == "passthrough":
        return Next("passthrough off", None, False, "`canary passthrough off`: the share holds again")
    if step.place == "announced":
        return Next("gone", None, False, "deploy with V1_ROUTE=gone: POST /process-full answers 410")
    if step.place == "v1" and not policy.share:
        return Next("shadow", None, False, f"`canary shadow {first.removesuffix(' %')}`: runs beside v1")
    higher = [share for share in t.shares if share > step.share]
    if not higher:
        return Next("deprecate", None, True, "`canary deprecate`: POST /process-full is announced to end")
    said = f"`canary set {share_of(higher[0]).removesuffix(' %')}`"
    if step.place == "shadow":
        said = f"read `canary compare`, then {said}"
    return Next("share", higher[0], step.place == "share", said)


def _of_shadow(shadow: PairFigures | None, t: Thresholds) -> list[str]:
    pairs = shadow.both_complete + shadow.only_v1 + shadow.only_shadow if shadow else 0
    if shadow is None or shadow.shadow_success is None or pairs < t.enough:
        return [f"{counted(pairs, 'shadow run')} ended (at least {t.enough} are needed)"]
    if shadow.shadow_success < t.success:
        return [
            f"success in shadow {percent(shadow.shadow_success)} of {pairs:,} (at least {limit(t.success)})"
        ]
    return []


def _of_whole(policy: Policy, outcomes: Sequence[Outcome], now: datetime, t: Thresholds) -> list[str]:
    """At the last step each day is looked at, and v1 has to be without imports for one."""
    missing, since = [], of_step(outcomes, policy)
    days: dict[int, list[Outcome]] = {}
    for each in served(since):
        if each.ended_at is not None:
            days.setdefault(
                int((each.ended_at - policy.entered_at).total_seconds() // t.day_seconds), []
            ).append(each)
    for day, ended in sorted(days.items()):
        if len(ended) >= t.enough and (signal := success(ended, t)).kind != "pass":
            missing.append(f"{signal.sentence} in day {day + 1} of this step")
    after = now - timedelta(seconds=t.day_seconds)
    if in_v1 := sum(each.decided_at > after for each in of_v1(since)):
        missing.append(f"{counted(in_v1, 'import')} went to v1 in the last {span(t.day_seconds)} (none may)")
    return missing


def _of_callers(policy: Policy, calls: Sequence[LegacyCalls], now: datetime, t: Thresholds) -> list[str]:
    missing = []
    after = now - timedelta(seconds=t.announced_seconds)
    callers = [each for each in calls if each.route.strip("/") == LEGACY_ROUTE and each.last_at > after]
    if users := len({each.user_id for each in callers}):
        last = max(each.last_at for each in callers)
        missing.append(
            f"{counted(users, 'user')} {plural(users, 'has', 'have')} called POST /process-full in the last "
            f"{span(t.announced_seconds)}, the latest at {last.astimezone(UTC):%Y-%m-%d %H:%M} UTC (none may)"
        )
    if policy.sunset_at is not None and policy.sunset_at > now:
        missing.append(
            f"it was announced to answer until {policy.sunset_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        )
    return missing
