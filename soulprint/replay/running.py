"""`soulprint replay run`: has a plan be run, and follows it."""

from __future__ import annotations

from dataclasses import dataclass

from shared.domain.errors import SoulprintError, UsageError
from shared.domain.plurals import counted
from shared.settings import load_settings
from shared.store.open import opened_store
from shared.store.replaying import ReplayProgress, Turned
from shared.store.store import Store
from soulprint.asked import Asked
from soulprint.interrupts import Interrupts, interruptible
from soulprint.naming import called, names_of
from soulprint.replay.following import follow, going_on
from soulprint.replay.selecting import import_in
from soulprint.replay.telling import as_json, exit_code, told_progress
from soulprint.terminal import say, say_json

MAY_HAVE_BEGUN = "stopped; `soulprint replay list` says whether it was begun."


@dataclass(frozen=True, slots=True)
class Terms:
    """How a plan is to be run."""

    rate: float | None = None
    """Imports a minute."""
    canary: int | None = None
    """Imports after which it waits for a person."""
    max_cost: float | None = None
    serve_anyway: bool = False
    dry_run: bool = False
    detach: bool = False


def run_command(plan: str, terms: Terms, asked: Asked) -> int:
    """Have a plan be run; follow it until it has ended or waits for a person, and print how it fares then.
    Answers the exit code. Raises UsageError for a plan that cannot be run, RefusedPlanError for one that may
    not."""
    return interruptible(lambda interrupts: _run(plan, terms, asked, interrupts), MAY_HAVE_BEGUN)


class RefusedPlanError(SoulprintError):
    """A plan may not be run as things are; nothing was begun."""


async def _run(plan: str, terms: Terms, asked: Asked, interrupts: Interrupts) -> int:
    wanted = import_in(plan)
    async with opened_store(load_settings(), connections=2) as store:
        turned = await store.start_replay(
            wanted,
            by=asked.by,
            reason=asked.reason,
            rate=terms.rate,
            canary=terms.canary,
            max_cost=terms.max_cost,
            serve_anyway=terms.serve_anyway,
            dry_run=terms.dry_run,
        )
        if turned is None:
            raise UsageError(f"there is no plan {wanted}: `soulprint replay list` has all")
        if turned.refusal is not None:
            raise refusal(str(wanted), turned)
        if terms.dry_run:
            _tell_dry(str(wanted), turned, asked)
            return 0
        interrupts.words = going_on(wanted)
        progress = await (read if terms.detach else follow)(store, wanted)
        interrupts.over()
        await show(store, progress, as_object=asked.as_json)
    if terms.detach and not asked.as_json:
        say(f"follow it: soulprint replay status {wanted} --follow")
    return 0 if terms.detach else exit_code(progress)


async def read(store: Store, wanted: object) -> ReplayProgress:
    """How a replay fares now. Raises UsageError if there is none."""
    plan = import_in(str(wanted))
    progress = await store.read_replay_progress(plan)
    if progress is None:
        raise UsageError(f"there is no plan {plan}: `soulprint replay list` has all")
    return progress


async def show(store: Store, progress: ReplayProgress, *, as_object: bool) -> None:
    """Print how a replay fares."""
    if as_object:
        say_json(as_json(progress), indent=True)
        return
    names = await names_of(store, (each.user_id for each in progress.shown))
    say(*told_progress(progress, lambda user: called(names, user)))


def _tell_dry(plan: str, turned: Turned, asked: Asked) -> None:
    if asked.as_json:
        told = {"plan": plan, "dry_run": True, "imports": turned.planned, "counted": turned.counted}
        say_json(told, indent=True)
    else:
        say(f"it would be run: {counted(turned.planned, 'import')} ({turned.counted:,} by a count now)")


def refusal(plan: str, turned: Turned) -> SoulprintError:
    """Why a plan is not run."""
    if turned.refusal == "moved":
        return RefusedPlanError(
            f"plan {plan} has {counted(turned.planned, 'import')}, and the same would choose "
            f"{turned.counted:,} now: more than a tenth has changed since. Nothing was begun. Plan it again, "
            "and look at what it will take."
        )
    if turned.refusal == "passthrough":
        return RefusedPlanError(
            "every import goes to v1 now, as after a rollback: nothing was begun. `soulprint canary show` "
            "says why; once imports go to the served pipeline again, run the plan."
        )
    then = {
        "running": f"it runs: `soulprint replay status {plan} --follow`",
        "paused": f"it is paused: `soulprint replay continue {plan}`",
    }
    return UsageError(
        f"plan {plan} was run before; {then.get(turned.state, f'it is {turned.state}: make a new plan')}"
    )
