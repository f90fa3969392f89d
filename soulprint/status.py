"""`soulprint status`: how imports are going."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from rich.text import Text

from shared.domain.errors import UsageError
from shared.domain.plurals import counted
from shared.domain.printable import unbroken
from shared.domain.runs import RunKind
from shared.domain.text import abridge
from shared.host.holds import FRESH_SECONDS
from shared.settings import load_settings
from shared.store.leases import HoldRow
from shared.store.open import opened_store
from shared.store.runs import RunRow
from shared.store.store import Store
from soulprint.blocks import block
from soulprint.drawing import live
from soulprint.ending import broken, exit_code, why_unserved
from soulprint.naming import Names, called, names_of, told_accounts
from soulprint.terminal import is_terminal, say, say_json

POLL_SECONDS = 0.5
PLAIN_SECONDS = 5.0
TAKEN_UP_SECONDS = 60.0
"""How long to wait for the chunker to take a submitted import up."""
SHOWN = 20
LONGEST = 600
"""Characters of an error that are shown; --json has all of it."""


def status_command(import_id: str | None, *, as_json: bool) -> int:
    """Without an import: the newest runs. With one: follow its newest run to the end, or print it as JSON.
    Answers 0, or the exit code of how the run that was followed ended."""
    return asyncio.run(_status(None if import_id is None else uuid_of(import_id), as_json=as_json))


def uuid_of(text: str) -> UUID:
    """The id that a person gave. Raises UsageError."""
    try:
        return UUID(text)
    except ValueError:
        raise UsageError(f"{text} is not an import's id (a UUID, as `soulprint status` lists it)") from None


async def newest_run(store: Store, import_id: UUID) -> RunRow:
    """Raises UsageError if there is no such import."""
    return (await _newest_runs(store, import_id))[0]


async def asked_run(store: Store, import_id: UUID) -> RunRow:
    """The newest run that somebody asked for: that a fallback follows does not change how it ended. Raises as
    newest_run."""
    runs = await _newest_runs(store, import_id)
    return next((run for run in runs if run.kind is RunKind.PRIMARY), runs[0])


async def _newest_runs(store: Store, import_id: UUID) -> Sequence[RunRow]:
    runs = await store.list_runs(import_id, limit=2)  # at most one of an import is a fallback
    if not runs:
        raise UsageError(f"no import {import_id} yet; a submitted one appears when the chunker takes it up")
    return runs


async def _status(import_id: UUID | None, *, as_json: bool) -> int:
    async with opened_store(load_settings()) as store:
        if import_id is None:
            runs = await store.list_runs(limit=SHOWN)
            names = await names_of(store, (run.user_id for run in runs))
            if as_json:
                say_json([_as_json(run, names) for run in runs])
            else:
                say(*(_block(run, names) for run in runs) if runs else ("no imports yet",))
                for hold in await store.read_holds(FRESH_SECONDS):
                    say(block(_held(hold)))
            return 0
        if as_json:
            run = await asked_run(store, import_id)
            holds = [] if run.ended else await store.read_holds(FRESH_SECONDS)
            held = [hold.model_dump(mode="json") for hold in holds]
            names = await names_of(store, [run.user_id])
            say_json({**_as_json(run, names), "holds": held})
            return 0
        await _taken_up(store, import_id)
        run = await (_live if is_terminal() else _plain)(store, import_id)
        return exit_code(run.state, run.breaks)


async def _taken_up(store: Store, import_id: UUID) -> None:
    """A submitted import has no run before the chunker has its event."""
    deadline = asyncio.get_running_loop().time() + TAKEN_UP_SECONDS
    while not await store.list_runs(import_id, limit=1):
        if asyncio.get_running_loop().time() > deadline:
            await asked_run(store, import_id)
        await asyncio.sleep(POLL_SECONDS)


async def _live(store: Store, import_id: UUID) -> RunRow:
    names = await names_of(store, [(await asked_run(store, import_id)).user_id])
    with live() as drawn:
        while True:
            run = await asked_run(store, import_id)
            holds = () if run.ended else await store.read_holds(FRESH_SECONDS)
            shown = [_block(run, names), *map(unbroken, map(_held, holds))]
            drawn.update(Text("\n".join(shown)), refresh=True)
            if run.ended:
                return run
            await asyncio.sleep(POLL_SECONDS)


async def _plain(store: Store, import_id: UUID) -> RunRow:
    """A line whenever something changed, at most one in a while."""
    said: list[str] = []
    spoke = 0.0
    while True:
        run = await asked_run(store, import_id)
        holds = () if run.ended else await store.read_holds(FRESH_SECONDS)
        now = asyncio.get_running_loop().time()
        if (words := _words(run, holds)) != said and (run.ended or now - spoke >= PLAIN_SECONDS):
            say(*words)
            said, spoke = words, now
        if run.ended:
            return run
        await asyncio.sleep(POLL_SECONDS)


def _held(hold: HoldRow) -> str:
    processes = f" in {hold.replicas} processes" if hold.replicas > 1 else ""
    since = f"{hold.since:%Y-%m-%d %H:%M:%S} UTC{processes}"
    return f"{hold.service}: paused since {since}: {abridge(hold.reason, LONGEST)}"


def _words(run: RunRow, holds: Sequence[HoldRow] = ()) -> list[str]:
    error = f": {trouble}" if (trouble := _trouble(run, "step ")) else ""
    words = f"{_named(run, ' ')} {run.progress_percent:.0f}%, {_chunks(run)}{error}"
    return [words, *(_held(hold) for hold in holds)]


def _named(run: RunRow, space: str) -> str:
    """Which run it is, what it is for where that was not asked for, and its state."""
    kind = "" if run.kind is RunKind.PRIMARY else f" ({run.kind})"
    return f"{run.import_id}{space}run {run.run}{kind}{space}{run.state}"


def _trouble(run: RunRow, step: str = "") -> str:
    """Why it failed, or what is to be known of its memory."""
    failure = f"{step}{run.error['step']}: {abridge(run.error['message'], LONGEST)}" if run.error else ""
    return "; ".join(filter(None, (failure, why_unserved(run.unserved, run.import_id), broken(run.breaks))))


def _chunks(run: RunRow) -> str:
    total = "? chunks" if run.chunks_total is None else counted(run.chunks_total, "chunk")
    dead = f" ({run.chunks_dead:,} dead)" if run.chunks_dead else ""
    return f"{run.chunks_ok + run.chunks_dead:,} of {total}{dead}"


def _block(run: RunRow, names: Names) -> str:
    """The whole id, to be copied also from a narrow terminal."""
    found = counted(run.facts_extracted, "fact")
    return block(
        _named(run, "  "),
        called(names, run.user_id),
        f"{run.begun_at:%Y-%m-%d %H:%M} UTC, {_chunks(run)}, {found} extracted",
        told_accounts([each for each in run.lineages if each]),
        _trouble(run),
    )


def _as_json(run: RunRow, names: Names) -> dict[str, Any]:
    return {**run.model_dump(mode="json"), "user_name": names.get(run.user_id)}
