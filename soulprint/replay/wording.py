"""A plan in the words of ops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from services.router.judging.words import span
from shared.domain.plurals import counted, listed, plural
from shared.domain.printable import on_one_line
from shared.store.replays import ItemState, ReplayItem, ReplayRow
from soulprint.blocks import block
from soulprint.replay.looking import Around, Sources
from soulprint.wording import at, said

LEFT_OUT: Mapping[str, str] = {
    "unknown": "there is no such import",
    "no imports": "named as users, and have none",
    "v1": "runs of v1 alone, which have no chunks",
    "cancelled": "each of their runs was cancelled",
    "running": "a run is under way: plan again once it has ended",
    "at fault": "the export itself was why it failed",
    "failed": "no run was ever complete: --only missing --only dead mends those that can be",
    "unserved": "what they made is kept beside what is served",
    "outdone": "a newer export took their place",
    "unread": "not read to their end: --stage chunks reads them again",
}
_UNREAD = "chunks without a result are not in these figures"
_STAGES = {
    "chunks": "the exports are read again",
    "facts": "chunks are read again",
    "memory": "memories are made again from the facts that there are",
}
_ORDER: tuple[ItemState, ...] = (
    *("done", "begun", "waiting", "held", "failed", "unserved", "cancelled", "skipped"),
)


PAUSED: Mapping[str, str] = {
    "asked": "a person has paused it",
    "canary": "its first imports are done, and it waits for your word",
    "max_cost": "what is left would cost more than it may",
    "unpriced": "there is a limit on cost, and of what is left no price is known",
    "passthrough": "every import goes to v1 now, as after a rollback",
}
SKIPPED: Mapping[str, str] = {
    "gone": "the run that was to be done again is not there any more",
    "running": "a run of the import was under way",
    "newer": "imported or replayed again since it was planned",
    "unread": "not read to its end: --stage chunks reads it again",
    "nothing": "no chunk of it is what was asked for any more",
    "stopped": "the replay was stopped before it",
}
_UNSERVED: Mapping[str, str] = {
    "held": "a fifth less coverage or facts than what it was to replace",
    "smaller": "it would lose much of what is served",
}
_LONGEST = 600
"""Characters of why a run failed: what is to be done about it stands at its end."""


def as_json(planned: ReplayRow, around: Around) -> dict[str, Any]:
    """What `replay plan --json` answers."""
    return {
        "plan": None if planned.id is None else str(planned.id),
        **planned.figures.model_dump(),
        "extractors": around.extractors,
        "sources": around.sources and asdict(around.sources),
    }


def told_plan(planned: ReplayRow, around: Around) -> list[str]:
    """A plan that was made now."""
    left_out = told_left_out(planned)
    if planned.id is None:
        return ["nothing to do again; no plan is kept", *left_out]
    return [
        f"plan {planned.id}: {asked_for(planned)}",
        *told_figures(planned, around),
        *left_out,
        *_told_sources(around.sources),
        block(f"nothing runs yet: `soulprint replay run {planned.id} --reason TEXT` does it"),
    ]


def told_figures(planned: ReplayRow, around: Around | None = None) -> list[str]:
    """What it was reckoned to take; with how many extractors there are, if that was looked at."""
    f = planned.figures
    dollars = f"${f.dollars:,.4f}" if f.dollars is not None else f"no price is known for {planned.model}"
    lasts = (
        "how long it takes is not known: no import has ended of late"
        if f.seconds is None
        else f"about {span(f.seconds)}, at the pace of the imports that ended of late"
    )
    if around is not None and around.scales:
        many = around.extractors
        lasts += f"; {'how many extractors there are is not known' if many is None else _at_work(many)}"
    return [
        block(
            f"{counted(f.imports, 'import')}, {counted(f.chunks, 'chunk')} anew: {f.cached:,} in the cache",
            f"{counted(f.calls, 'call')} of {said(planned.model)}: {counted(f.input_tokens, 'token')} in, "
            f"{f.output_tokens:,} out: {dollars}"
            if f.calls
            else "no call of a model, so it costs nothing",
            lasts,
        ),
        *([block(f"  {counted(f.unread, 'import')} never read to the end: {_UNREAD}")] if f.unread else []),
    ]


def _at_work(extractors: int) -> str:
    return f"{counted(extractors, 'extractor')} at work now" if extractors else "no extractor is at work now"


def _told_sources(sources: Sources | None) -> list[str]:
    """Which exports cannot be read again, as far as that is seen from here."""
    if sources is None:
        return []
    told = []
    if sources.gone:
        gone = counted(sources.gone, "export")
        told.append(f"{gone} not there any more: such a run will fail, and what is served stays")
    if sources.stored:
        told.append(f"{sources.stored:,} in storage, not looked at")
    if sources.unseen:
        told.append(f"{sources.unseen:,} more not looked at")
    return [block(f"  sources: {'; '.join(told)}")] if told else []


def told_left_out(planned: ReplayRow) -> list[str]:
    """What was selected and cannot be done, and why."""
    return [
        block(f"  left out: {count:,}: {LEFT_OUT.get(why, said(why))}")
        for why, count in sorted(planned.figures.left_out.items())
    ]


def asked_for(planned: ReplayRow) -> str:
    """What was asked for: the stage, what of it, of whom."""
    which = " and ".join(planned.which)
    told = [f"{which}, stage {planned.stage} ({_STAGES[planned.stage]})"]
    for name, many in (("users", "user"), ("imports", "import")):
        if found := planned.selection.get(name):
            told.append(f"of {counted(len(found), many)}")
    words = {"since": "since", "until": "until", "sample": "a sample of", "model_version": "read by"}
    told += [
        f"{word} {said(str(found))}" for name, word in words.items() if (found := planned.selection.get(name))
    ]
    return ", ".join(told)


def told_items(counts: Mapping[ItemState, int]) -> str:
    """How its imports fare."""
    return listed([f"{counts[state]:,} {state}" for state in _ORDER if counts.get(state)]) or "no import"


def told_why(why: str) -> str:
    """Why an import came to nothing, or is not served."""
    known = {**SKIPPED, **_UNSERVED}.get(why)
    return known or on_one_line(why)[:_LONGEST]


def replay_as_json(row: ReplayRow) -> dict[str, Any]:
    """A replay, named as all commands name it."""
    return {"plan": str(row.id), **row.model_dump(mode="json", exclude={"id"})}


def told_replay(row: ReplayRow) -> str:
    """A replay in a list."""
    why = f": {said(row.reason)}" if row.reason else ""
    paused = f", {PAUSED.get(row.paused_why, said(row.paused_why))}" if row.paused_why else ""
    run = row.started_at and f"run {at(row.started_at)} by {said(row.run_by) or 'somebody'}{why}"
    return block(
        f"{row.id}  {row.state}{paused}: {asked_for(row)}",
        f"planned {at(row.planned_at)} by {said(row.planned_by) or 'somebody'}",
        run or "",
        f"{counted(sum(row.items.values()), 'import')}: {told_items(row.items)}",
    )


def told_item(item: ReplayItem, user: str) -> str:
    """An import of a replay in a list."""
    run = f" -> {item.run}" if item.run is not None else ""
    why = f": {told_why(item.why)}" if item.why else ""
    cost = "?" if item.cost is None else f"${item.cost:,.4f}"
    spent = "" if item.spent is None else f", took ${item.spent:,.4f}"
    return block(
        f"{item.position}  {item.import_id}  run {item.base_run}{run}  {item.state}{why}",
        f"{user}: {counted(item.chunks, 'chunk')}, {item.cached:,} in the cache, "
        f"{item.calls:,} {plural(item.calls, 'call', 'calls')}, {cost}{spent}",
    )
