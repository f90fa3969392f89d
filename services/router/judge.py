"""The judge at work: reads the policy and what became of its runs, judges, and acts on the verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

from services.router.judging.comparison import compare_pairs
from services.router.judging.steps import Standing, span_before, standing
from services.router.judging.thresholds import Thresholds, thresholds_of
from services.router.judging.verdict import Verdict, judge
from services.router.rollback import roll_back
from shared.store.routing import Outcome, Policy, PolicyChange, PolicyNow
from shared.store.store import Store

JUDGE = "judge"
"""Whom the history names where no person changed the policy."""
LEASE = "canary.judge"
"""Whoever holds it is the leader."""
HISTORY = 200
"""Policies among which the step before is looked for."""
AGAIN = 3
"""So often a policy that was changed while it was judged is judged anew at once: a change of whatever kind
must not put a rollback off."""

Act = Literal["rollback", "share", "deprecate"]
"""What the judge does: calls everything back, takes the next step, announces the end of v1's route."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was seen at one moment, which the policy's `now` tells."""

    policy: PolicyNow
    verdict: Verdict
    standing: Standing

    @property
    def figures(self) -> dict[str, Any]:
        """What the history keeps of a verdict: what every signal and lane was, in figures and sentences."""
        verdict = self.verdict
        return {
            "verdict": verdict.kind,
            "judged_version": verdict.policy_version,
            "signals": [asdict(signal) for signal in verdict.signals],
            "lanes": [asdict(lane) for lane in verdict.lanes],
        }


@dataclass(frozen=True, slots=True)
class Judged:
    """What was seen, and what was done about it."""

    looked: Looked
    act: Act | None = None
    """What the verdict asked for."""
    change: PolicyChange | None = None
    """What became of that. With a refusal nothing was done."""

    @property
    def acted(self) -> Act | None:
        """What was done."""
        return self.act if self.change is not None and self.change.changed else None

    @property
    def policy(self) -> Policy:
        """As it is now."""
        return self.looked.policy if self.change is None else self.change.policy

    @property
    def sentence(self) -> str:
        """The verdict, what was done, or why not, and what comes next: for ops."""
        said = self.looked.verdict.sentence
        if self.acted == "rollback":
            return f"{said} Rolled back: every import goes to v1 until the policy is thawed."
        if self.acted is not None:
            return f"{said} Done: {self.looked.standing.next.sentence}."
        if self.change is not None and self.change.refusal is not None:
            return f"{said} Nothing was done: {_WHY_NOT[self.change.refusal]}."
        return f"{said} {self.looked.standing.sentence}"


_WHY_NOT: Mapping[str, str] = {
    "changed": "the policy was changed meanwhile, and is judged anew at the next check",
    "frozen": "the policy is frozen",
    "lease": "another leads by now, or the verdict is too old",
}


class Judge:
    """Judges the lanes of one database. Every time it compares is that database's: the clock of this process
    may be an hour off."""

    def __init__(self, store: Store, *, by: str = JUDGE, owner: str | None = None) -> None:
        """`owner`: who holds the leader's lease; what it does is done only while it does. None: a person asks
        for a check, who leads nothing."""
        self._store = store
        self._by = by
        self._lease = {} if owner is None else {"lease": LEASE, "owner": owner}

    async def look(self) -> Looked:
        """Judge, and change nothing. Raises StoreError."""
        policy = await self._store.read_policy()
        thresholds, _ = thresholds_of(policy.thresholds)  # what is wrong with them the verdict says
        outcomes = await self._store.read_outcomes(policy.entered_at, thresholds.stuck_seconds)
        before = await self._before(policy, thresholds)
        # Thousands of runs take a tenth of a second, in which a router's own work would wait.
        verdict = await asyncio.to_thread(judge, policy, outcomes, before, policy.now)
        return Looked(policy, verdict, await self._standing(policy, verdict, outcomes, thresholds))

    async def check(self) -> Judged:
        """Judge, and act: roll back, whatever the mode; take the next step, where the mode is auto and
        nothing is missing for it. Only the policy that was judged is changed. Raises StoreError."""
        for left in reversed(range(AGAIN)):
            judged = await self._act(await self.look())
            if not left or judged.change is None or judged.change.refusal != "changed":
                return judged
        raise AssertionError("unreachable")

    async def _act(self, looked: Looked) -> Judged:
        policy, verdict, step = looked.policy, looked.verdict, looked.standing
        if verdict.kind == "rollback":
            change = await roll_back(
                self._store,
                by=self._by,
                reason="; ".join(s.sentence for s in verdict.signals if s.kind == "rollback"),
                expected=policy.version,
                figures=looked.figures,
                **self._lease,
            )
            return Judged(looked, "rollback", change)
        if not step.promote:
            return Judged(looked)
        if step.next.kind == "share":
            return await self._go_on(looked, "share", {"share": step.next.share})
        if step.next.kind == "deprecate":
            ends = policy.now + timedelta(seconds=thresholds_of(policy.thresholds)[0].announced_seconds)
            announced = {"deprecated_at": policy.now.isoformat(), "sunset_at": ends.isoformat()}
            return await self._go_on(looked, "deprecate", announced)
        return Judged(looked)

    async def _go_on(self, looked: Looked, act: Act, changes: Mapping[str, Any]) -> Judged:
        change = await self._store.change_policy(
            changes,
            by=self._by,
            reason=f"{looked.verdict.sentence} {looked.standing.sentence}",
            expected=looked.policy.version,
            figures=looked.figures,
            **self._lease,
        )
        return Judged(looked, act, change)

    async def _before(self, policy: Policy, thresholds: Thresholds) -> list[Outcome]:
        """What became of the runs of the step before; none where there was none."""
        span = span_before(await self._store.read_policy_history(HISTORY), policy)
        if span is None:
            return []
        since, until = span
        return await self._store.read_outcomes(since, thresholds.stuck_seconds, until=until)

    async def _standing(
        self, policy: PolicyNow, verdict: Verdict, outcomes: list[Outcome], thresholds: Thresholds
    ) -> Standing:
        shadow = calls = None
        if policy.shadow and policy.share < thresholds.shares[0]:
            shadow = compare_pairs(await self._store.read_pairs(policy.entered_at))
        if policy.deprecated_at is not None:
            since = policy.now - timedelta(seconds=thresholds.announced_seconds)
            calls = await self._store.read_legacy_calls(since)
        return standing(policy, verdict, outcomes, policy.now, thresholds, shadow=shadow, calls=calls or ())
