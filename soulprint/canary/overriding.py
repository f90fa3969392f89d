"""`soulprint canary override`: of one user, where their imports go."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from shared.domain.errors import UsageError
from shared.domain.ids import user_id_for
from shared.domain.plurals import plural
from shared.pipelines import V1
from shared.settings import load_settings
from soulprint.asked import Asked
from soulprint.canary.reached import policy_store
from soulprint.moments import moment_ahead
from soulprint.naming import called, names_of, note_name
from soulprint.terminal import say_fitted, say_json
from soulprint.wording import at

NONE = "none"


def override_command(user: str, lane: str, until: str | None, asked: Asked) -> int:
    """Say of a user where their imports go, or (none) no longer. Answers 0."""
    settings, user_id = load_settings(), user_id_for(user)
    if lane not in (V1, settings.pipeline, NONE):
        lanes = f"{V1}, {settings.pipeline}"
        raise UsageError(f"{lane[:30]!a} is no lane that is served: say {lanes} or {NONE}")
    if until is not None and lane == NONE:
        raise UsageError("--until is for a lane: none takes back what was said, at once")
    ends = None if until is None else moment_ahead(until, datetime.now(UTC))

    async def override() -> int:
        async with policy_store(settings) as store:
            wanted = None if lane == NONE else lane
            running = await store.override_routing(
                user_id, wanted, by=asked.by, reason=asked.reason, until=ends
            )
            if wanted is not None:
                await note_name(store, user_id, user)
            policy = await store.read_policy()
            (explained,) = await store.explain_routing([user_id], settings.pipeline)
            name = called(await names_of(store, [user_id]), user_id)
        told = [
            f"Nothing is said of {name} any more: the next import goes to {explained.lane}, "
            f"by {explained.reason}."
            if wanted is None
            else f"Imports of {name} go to {wanted}{'' if ends is None else f' until {at(ends)}'}."
        ]
        if wanted is not None and policy.passthrough:
            told.append(f"Passthrough is on and outranks it: until it is off, they go to {V1}.")
        for run in running:
            import_id, number = run.run.split()
            told.append(f"Import {import_id} run {number} is under way in {run.pipeline} and stays there.")
        if running and wanted is not None:
            it = plural(len(running), "it", "them")
            told.append(f"To move {it}, cancel {it} (`soulprint cancel IMPORT`) and ask again.")
        if wanted is not None:
            told.append(
                f"Next: `canary explain {user_id}` shows it; `canary override {user_id} none` ends it."
            )
        if asked.as_json:
            left = {"lane": wanted, "until": ends, "running": [each.model_dump() for each in running]}
            say_json({"user_id": user_id, **left, "told": told})
        else:
            say_fitted(*told)
        return 0

    return asyncio.run(override())
