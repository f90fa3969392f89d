"""`soulprint replay status`, `pause`, `continue` and `stop`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal
from uuid import UUID

from shared.domain.errors import SoulprintError, UsageError
from shared.settings import load_settings
from shared.store.open import opened_store
from shared.store.replaying import Turned
from shared.store.store import Store
from soulprint.asked import Asked
from soulprint.interrupts import Interrupts, interruptible
from soulprint.replay.following import follow, going_on
from soulprint.replay.running import RefusedPlanError, read, show
from soulprint.replay.selecting import import_in
from soulprint.replay.telling import as_json, exit_code
from soulprint.terminal import say, say_json

Verb = Literal["pause", "continue", "stop"]
_DONE = {"pause": "paused", "continue": "continued", "stop": "stopped"}


def status_command(plan: str | None, *, following: bool, as_object: bool) -> int:
    """Print how a replay fares, or all that are at work, or the last one. `following`: once it has ended or
    waits for a person; then its exit code is answered."""
    return interruptible(lambda interrupts: _status(plan, following, as_object, interrupts))


async def _status(plan: str | None, following: bool, as_object: bool, interrupts: Interrupts) -> int:
    async with opened_store(load_settings(), connections=2) as store:
        plans = [import_in(plan)] if plan is not None else await _at_work(store)
        if following:
            if len(plans) != 1:
                raise UsageError("--follow is for one replay: name its plan")
            interrupts.words = going_on(plans[0])
            progress = await follow(store, plans[0])
            interrupts.over()
            await show(store, progress, as_object=as_object)
            return exit_code(progress)
        found = [await read(store, each) for each in plans]
        if as_object and plan is None:
            say_json([as_json(each) for each in found], indent=True)
            return 0
        for progress in found:
            await show(store, progress, as_object=as_object)
        if not found:
            say("no replay was run yet; `soulprint replay list` has the plans")
        return 0


async def _at_work(store: Store) -> list[UUID]:
    """Those that run or are paused; else the last that was run."""
    rows = [row for row in await store.list_replays(200) if row.id is not None]
    at_work = [row.id for row in rows if row.state in ("running", "paused")]
    ended = [row.id for row in rows if row.started_at is not None]
    return [each for each in at_work or ended[:1] if each is not None]


def steer_command(
    verb: Verb, plan: str, asked: Asked, *, max_cost: float | None = None, lift: bool = False
) -> int:
    """Pause, continue or stop a replay, and say how it fares then. Raises UsageError where that cannot be."""
    return asyncio.run(_steer(verb, import_in(plan), asked, max_cost, lift))


async def _steer(verb: Verb, plan: UUID, asked: Asked, max_cost: float | None, lift: bool) -> int:
    async with opened_store(load_settings(), connections=2) as store:
        turn: Callable[..., Awaitable[Turned | None]] = {
            "pause": store.pause_replay,
            "stop": store.stop_replay,
            "continue": store.continue_replay,
        }[verb]
        more = {"max_cost": max_cost, "lift": lift} if verb == "continue" else {}
        turned = await turn(plan, by=asked.by, reason=asked.reason, **more)
        if turned is None:
            raise UsageError(f"there is no plan {plan}: `soulprint replay list` has all")
        if turned.refusal is not None:
            raise _refusal(verb, plan, turned)
        await show(store, await read(store, plan), as_object=asked.as_json)
    return 0


def _refusal(verb: Verb, plan: UUID, turned: Turned) -> SoulprintError:
    if turned.refusal == "passthrough":
        return RefusedPlanError(
            "every import goes to v1 still: nothing was continued. `soulprint canary show` says why"
        )
    if turned.refusal == "max_cost":
        return UsageError(
            f"replay {plan} is at its limit: `soulprint replay status {plan}` says what it took; give more "
            "by --max-cost, or --no-max-cost"
        )
    return UsageError(f"replay {plan} is {turned.state}: it cannot be {_DONE[verb]}")
