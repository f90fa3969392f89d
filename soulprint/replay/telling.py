"""How a replay fares, in the words of ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from services.router.judging.words import span
from shared.domain.plurals import counted, listed
from shared.store.replaying import ItemShown, ReplayProgress
from soulprint.blocks import block
from soulprint.replay.wording import PAUSED, SKIPPED, told_items, told_why
from soulprint.wording import at, said

FAILED = 1
WAITS = 4
"""Exit code of a replay that waits for a person, or of which imports are held: not all that was asked for is
served."""
STILL_SECONDS = 600.0
"""Without a movement: then it is said."""
NOBODY = (
    "Nobody drives replays: no consolidator runs, or none that reaches this database. Start one "
    "(`soulprint up`, or `soulprint serve consolidator`), and it goes on by itself."
)

Called = Callable[[UUID], str]


def exit_code(p: ReplayProgress) -> int:
    """0: all is done or had no need; FAILED: an import failed, or it was stopped; WAITS."""
    if p.items.get("failed") or p.state == "stopped":
        return FAILED
    return WAITS if p.items.get("held") or p.state == "paused" else 0


def as_json(p: ReplayProgress) -> dict[str, Any]:
    """What --json prints."""
    return {
        "plan": str(p.replay_id),
        **p.model_dump(mode="json", exclude={"replay_id"}),
        "next": told_next(p),
    }


def told_progress(p: ReplayProgress, called: Called = str) -> list[str]:
    """All that is to be known of it, and what to do next."""
    paused = f", {PAUSED[p.paused_why]}" if p.paused_why else ""
    lines: list[str] = [
        block(
            f"replay {p.replay_id}  {p.state}{paused}",
            f"{' and '.join(p.which)}, stage {p.stage}: {said(p.reason)}" if p.reason else "",
            told_times(p),
            f"{p.settled:,} of {counted(p.total, 'import')}: {told_items(p.items)}",
            told_cost(p),
        )
    ]
    if p.failed_at:
        steps = listed([f"{n:,} at {said(step) or 'no step'}" for step, n in sorted(p.failed_at.items())])
        lines.append(block(f"  failed: {steps}"))
    lines += [
        block(f"  skipped: {n:,}: {SKIPPED.get(why, said(why))}") for why, n in sorted(p.skipped.items())
    ]
    lines += [_told_item(each, called) for each in p.shown]
    if p.state == "running" and not p.driven:
        lines.append(block(NOBODY))
    return [*lines, *(block(each) for each in told_next(p))]


def told_cost(p: ReplayProgress) -> str:
    """What it took until now, and what it was reckoned to."""
    reckoned = p.figures.get("dollars")
    of = "" if reckoned is None else f" of ${reckoned:,.4f} that were reckoned"
    told = f"${p.spent:,.4f}{of}, {counted(p.calls_made, 'call')}"
    if p.reserved:
        told += f"; ${p.reserved:,.4f} are reserved for what is under way"
    if p.max_cost is not None:
        told += f"; at most ${p.max_cost:,.4f}"
    if p.unpriced:
        told += f"; the price of {counted(p.unpriced, 'import')} is not known, and counts as reckoned"
    return told


def told_times(p: ReplayProgress) -> str:
    """Since when, by whom, and how long still."""
    if p.started_at is None:
        return f"planned {at(p.planned_at)}, never run"
    told = f"run {at(p.started_at)} by {said(p.run_by) or 'somebody'}"
    if p.ended_at is not None:
        return f"{told}, ended {at(p.ended_at)}"
    if (
        p.state == "running"
        and p.moved_at is not None
        and (still := (p.now - p.moved_at).total_seconds()) > STILL_SECONDS
    ):
        told += f"; nothing has moved for {span(still)}"
    left = seconds_left(p)
    return told if left is None else f"{told}; about {span(left)} left"


def seconds_left(p: ReplayProgress) -> float | None:
    """As fast as until now; None while nothing can be said."""
    if p.state != "running" or p.started_at is None:
        return None
    if any(each.get("did") == "continue" for each in p.changes):
        return None  # it stood still meanwhile
    seconds, done = (p.now - p.started_at).total_seconds(), p.settled
    return seconds * (p.total - done) / done if done and seconds > 1 else None


def told_next(p: ReplayProgress) -> list[str]:
    """What to do next, a sentence each."""
    plan, told = p.replay_id, []
    go_on = f"soulprint replay continue {plan}"
    if p.state == "planned":
        told.append(f"Next: `soulprint replay run {plan} --reason TEXT`.")
    elif p.paused_why == "canary":
        told.append(
            f"Next: look at what is held and failed, and at some of what is done; then `{go_on}`, or "
            f"`soulprint replay stop {plan}`."
        )
    elif p.paused_why == "max_cost":
        told.append(
            f"Next: `{go_on} --max-cost DOLLARS` with more than ${max(p.spent, p.max_cost or 0):,.4f}."
        )
    elif p.paused_why == "unpriced":
        told.append(f"Next: `{go_on} --no-max-cost`, or `soulprint replay stop {plan}`.")
    elif p.paused_why == "passthrough":
        told.append(f"Next: `soulprint canary show`; once imports go to {p.pipeline} again, `{go_on}`.")
    elif p.state == "paused":
        told.append(f"Next: `{go_on}`, or `soulprint replay stop {plan}`.")
    if p.items.get("held"):
        told.append(
            "What is held is kept beside what is served: `soulprint accept IMPORT` serves it. If most are, "
            "the change is at fault."
        )
    if p.items.get("failed") and p.ended:
        told.append("Of what failed what was served stays. Once the cause is mended, plan it again.")
    return told


def _told_item(item: ItemShown, called: Called) -> str:
    why = "" if item.why is None else f": {told_why(item.why)}"
    step = f" at {said(item.step)}" if item.step else ""
    return block(f"  {item.state}{step}  {item.import_id} run {item.run}", f"  {called(item.user_id)}{why}")
