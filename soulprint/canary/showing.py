"""`soulprint canary show`: what ops look at."""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

from services.router.judge import Judge
from shared.settings import load_settings
from soulprint.canary.reached import policy_store
from soulprint.canary.screen import Seen, screen
from soulprint.naming import names_of
from soulprint.terminal import painted, say_json, say_painted

CHANGES_SHOWN = 4


def show_command(*, as_json: bool) -> None:
    """Print how the rollout stands. Nothing is changed."""
    seen = asyncio.run(_look())
    if as_json:
        say_json(_as_json(seen), indent=True)
    else:
        say_painted(screen(seen, shutil.get_terminal_size().columns, painted))


async def _look() -> Seen:
    settings = load_settings()
    async with policy_store(settings) as store:
        looked = await Judge(store).look()
        overrides = await store.read_overrides()
        return Seen(
            policy=looked.policy,
            served=settings.pipeline,
            verdict=looked.verdict,
            standing=looked.standing,
            history=await store.read_policy_history(limit=CHANGES_SHOWN + 1),
            overrides=overrides,
            in_flight=await store.read_in_flight(),
            names=await names_of(store, (each.user_id for each in overrides)),
        )


def _as_json(seen: Seen) -> dict[str, Any]:
    return {
        "policy": seen.policy.model_dump(mode="json"),
        "served": seen.served,
        "verdict": seen.verdict.as_json(),
        "standing": seen.standing.as_json(),
        "in_flight": [each.model_dump() for each in seen.in_flight],
        "overrides": [
            {**each.model_dump(mode="json"), "user_name": seen.names.get(each.user_id)}
            for each in seen.overrides
        ],
        "history": [each.model_dump(mode="json") for each in seen.history[:CHANGES_SHOWN]],
    }
