"""`soulprint canary history`: every policy that there was, who made it, and why."""

from __future__ import annotations

import asyncio

from shared.settings import load_settings
from shared.store.routing import PolicyVersion
from soulprint.blocks import block
from soulprint.canary.reached import policy_store
from soulprint.canary.wording import differences, who, why
from soulprint.terminal import say, say_json
from soulprint.wording import at, said


def history_command(limit: int, *, as_json: bool) -> None:
    """Print the newest policies, the newest first."""

    async def read() -> list[PolicyVersion]:
        async with policy_store(load_settings()) as store:
            return await store.read_policy_history(limit=limit + 1)

    found = asyncio.run(read())
    if as_json:
        say_json([each.model_dump(mode="json") for each in found[:limit]], indent=True)
        return
    older = [*found[1:], None]
    say(*(_block(each, was) for each, was in zip(found, older, strict=True) if each in found[:limit]))


def _block(each: PolicyVersion, was: PolicyVersion | None) -> str:
    what = ", ".join(differences(was.policy, each.policy)) if was else ""
    figures = ", ".join(
        f"{name} {value}" for name, value in (each.figures or {}).items() if _is_figure(value)
    )
    return block(
        f"{each.version}  {what or ('as it was' if was else 'the first that is kept')}",
        f"{at(each.changed_at)}, {who(each)}: {why(each)}",
        f"figures: {said(figures)}" if figures else "",
    )


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float | str)
