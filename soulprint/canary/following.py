"""What comes next, by a policy alone: the command that an operator would give."""

from __future__ import annotations

from services.router.judging.steps import standing
from services.router.judging.thresholds import thresholds_of
from services.router.judging.verdict import judge
from services.router.judging.words import span
from shared.store.routing import Policy


def following(policy: Policy) -> str:
    """A sentence: what to do next, and when at the earliest."""
    thresholds, _ = thresholds_of(policy.thresholds)
    now = policy.entered_at
    stands = standing(policy, judge(policy, (), (), now), (), now, thresholds)
    then = stands.next.sentence
    if stands.step.place not in ("shadow", "share", "announced"):
        return f"Next: {then}."
    lasts = f"after {span(stands.step.lasts_seconds)} in this step"
    if stands.next.by_leader and policy.mode == "auto":
        return f"Next: look with `canary check`; {lasts}, with a pass, the router goes on by itself ({then})."
    return f"Next: look with `canary check`; {lasts} at the earliest, {then}."
