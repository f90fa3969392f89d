"""One change of the policy: read it, change it only if it is still that one, and say what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.settings import load_settings
from shared.store.routing import Policy, PolicyChange
from shared.store.store import Store
from soulprint.asked import Asked
from soulprint.canary.following import following
from soulprint.canary.reached import policy_store
from soulprint.canary.wording import told_versions, who, why
from soulprint.terminal import say_fitted, say_json
from soulprint.wording import at

MOST_TOLD = 10
"""So many changes of others are told of."""

Plan = Callable[[Policy], Mapping[str, Any]]
"""What is to be changed of a policy. Raises UsageError."""
Told = Callable[[Policy, Policy], Sequence[str]]
"""What that did, from the policy before and after: sentences."""


def change_command(plan: Plan, told: Told, asked: Asked) -> int:
    """Make one change, say in a sentence what it did and what comes next. Answers 0; 1 if it was refused."""
    change, sentences = asyncio.run(_change(plan, told, asked))
    return answered(change, sentences, asked)


def answered(change: PolicyChange, sentences: Sequence[str], asked: Asked, **more: Any) -> int:
    """Print a change. Answers the exit code."""
    if asked.as_json:
        say_json({**change.model_dump(mode="json"), "told": list(sentences), **more})
    else:
        say_fitted(*sentences, err=change.refusal is not None)
    return 1 if change.refusal else 0


async def _change(plan: Plan, told: Told, asked: Asked) -> tuple[PolicyChange, Sequence[str]]:
    async with policy_store(load_settings()) as store:
        before = await store.read_policy()
        expected = before.version if asked.version is None else asked.version
        if expected != before.version:
            change = PolicyChange(refusal="changed", changed=False, policy=before)
        else:
            change = await store.change_policy(
                plan(before), by=asked.by, reason=asked.reason, expected=expected
            )
        if change.refusal == "changed":
            return change, await outrun(store, change.policy, expected)
        if change.refusal == "frozen":
            return change, frozen(change.policy)
        if not change.changed:
            return change, [
                f"Nothing changed: it was so (policy {change.policy.version}).",
                following(change.policy),
            ]
        return change, [*told(before, change.policy), following(change.policy)]


async def outrun(store: Store, now: Policy, expected: int) -> list[str]:
    """What is said to whom another was quicker than."""
    if expected > now.version:
        return [f"Nothing was changed: there is no policy {expected} yet, it is policy {now.version}."]
    history = await store.read_policy_history(limit=min(MOST_TOLD, now.version - expected) + 1)
    return [
        f"Nothing was changed: somebody else was quicker, it is not policy {expected} any more.",
        *told_versions(history, max(expected, now.version - MOST_TOLD)),
        "Look at `soulprint canary show`, and ask again if it is still right.",
    ]


def frozen(policy: Policy) -> list[str]:
    """What is said to whom the policy is frozen for."""
    return [
        f"Nothing was changed: the policy is frozen, as after a rollback. By {who(policy)} at "
        f"{at(policy.changed_at)}: {why(policy)}.",
        "Once the cause is found and mended: `soulprint canary thaw`.",
    ]
