"""`soulprint canary rollback`: every import to v1, in one command."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from services.router.rollback import in_flight, recall, roll_back
from shared.domain.errors import StoreError
from shared.pipelines import V1
from shared.settings import load_settings
from shared.store.routing import Policy, PolicyChange
from shared.store.store import Store
from soulprint.asked import Asked
from soulprint.canary.changing import answered
from soulprint.canary.following import following
from soulprint.canary.reached import policy_store
from soulprint.canary.wording import told_versions, who, why
from soulprint.wording import at

BY_HAND = "rolled back by hand"
WITHOUT = (
    "Nothing is known to be rolled back. While the database is down no import is taken and nothing is "
    "decided, so none goes to v2 meanwhile. What can be done without it: stop the gateway and the "
    "router, so that nothing new is taken when it comes back before you do; scale chunker, extractor "
    "and consolidator to 0, so that only quickpass is left; point the app's RLM_API_URL back at the "
    "predecessor. When the database answers, give this command first, then start the others."
)


def rollback_command(asked: Asked, *, recalling: bool) -> int:
    """Send every import to v1, until a person thaws it: also where somebody else has changed the policy
    meanwhile. Answers 0; 1 where something that follows could not be done."""
    return asyncio.run(_rollback(asked, recalling=recalling))


async def _rollback(asked: Asked, *, recalling: bool) -> int:
    async with policy_store(load_settings(), meanwhile=WITHOUT) as store:
        before = None
        with suppress(StoreError):  # it is told of, no more: a row that cannot be read is rolled back too
            before = await store.read_policy()
        change = await roll_back(store, by=asked.by, reason=asked.reason)
        told = _told(change)
        recalled, failure = None, ""
        try:
            if before is not None:
                told += await overtaken(store, before, change.policy)
            recalled = await recall(store, asked.reason) if recalling else None
            told += [f"{each[0].upper()}{each[1:]}." for each in (await in_flight(store, recalled)).sentences]
        except StoreError as error:  # it is rolled back all the same
            failure = str(error)
            what = (
                "runs under way could not all be called back"
                if recalling
                else "what is under way is not known"
            )
            told.append(f"The rollback holds, but {what}: {failure}. The same command goes on from there.")
        told.append(following(change.policy))
    return answered(change, told, asked, recalled=recalled, failure=failure) or int(bool(failure))


def _told(change: PolicyChange) -> list[str]:
    policy = change.policy
    if not change.changed:
        back = f"{who(policy)} at {at(policy.changed_at)} (policy {policy.version}): {why(policy)}"
        return [f"It was rolled back before, by {back}. Every import goes to {V1}."]
    return [
        f"Rolled back at {at(policy.changed_at)}: every import that is decided from now on goes to {V1}, "
        f"whatever its override or request says; share and shadow are 0 %, frozen until a person thaws it "
        f"(policy {policy.version})."
    ]


async def overtaken(store: Store, before: Policy, after: Policy) -> list[str]:
    """What others did between our look and the rollback."""
    if after.version <= before.version + 1:
        return []
    history = await store.read_policy_history(limit=after.version - before.version + 1)
    others = told_versions(history, before.version)[:-1]
    return ["Somebody else had changed it just before:", *others]
