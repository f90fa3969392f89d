"""`soulprint canary check`: one check as the router makes it, with an exit code for scripts."""

from __future__ import annotations

import asyncio

from services.router.judge import Judge, Judged
from shared.settings import load_settings
from soulprint.asked import login
from soulprint.canary.following import following
from soulprint.canary.reached import policy_store
from soulprint.canary.wording import who, why
from soulprint.terminal import say_fitted, say_json
from soulprint.wording import at

PASS, HOLD, ROLLED_BACK = 0, 3, 4


def check_command(*, as_json: bool) -> int:
    """Judge, roll back if the verdict is that, and print it. Answers PASS, HOLD (inconclusive too) or
    ROLLED_BACK: by this check, or before."""

    async def check() -> Judged:
        async with policy_store(load_settings()) as store:
            return await Judge(store, by=f"canary check by {login()}").check()

    judged = asyncio.run(check())
    code, told = exit_code(judged), sentences(judged)
    if as_json:
        looked = judged.looked
        found = {
            "exit_code": code,
            "acted": judged.acted,
            "policy": judged.policy.model_dump(mode="json"),
            "verdict": looked.verdict.as_json(),
            "standing": looked.standing.as_json(),
            "told": told,
        }
        say_json(found, indent=True)
    else:
        say_fitted(*told)
    return code


def exit_code(judged: Judged) -> int:
    """For scripts."""
    if judged.policy.frozen:
        return ROLLED_BACK
    return PASS if judged.looked.verdict.kind == "pass" else HOLD


def sentences(judged: Judged) -> list[str]:
    """The verdict, what was done about it, and what comes next."""
    policy = judged.policy
    if policy.frozen and judged.acted != "rollback":
        back = f"Rolled back before: {who(policy)} at {at(policy.changed_at)} (policy {policy.version})"
        return [f"{back}: {why(policy)}.", following(policy)]
    told = [judged.sentence]
    return [*told, following(policy)] if judged.acted is not None else told
