"""`soulprint status`: how imports are going."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from uuid import UUID

import orjson
import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Column, Table

from shared.domain.errors import UsageError
from shared.host.holds import FRESH_SECONDS
from shared.settings import load_settings
from shared.store.leases import HoldRow
from shared.store.open import opened_store
from shared.store.runs import RunRow
from shared.store.store import Store
from soulprint.ending import broken, exit_code, why_unserved

POLL_SECONDS = 0.5
PLAIN_SECONDS = 5.0
TAKEN_UP_SECONDS = 60.0
"""How long to wait for the chunker to take a submitted import up."""
SHOWN = 20


def status_command(import_id: str | None, *, as_json: bool) -> int:
    """Without an import: the newest runs. With one: follow its newest run to the end, or print it as JSON.
    Answers 0, or the exit code of how the run that was followed ended."""
    return asyncio.run(_status(None if import_id is None else uuid_of(import_id), as_json=as_json))


def uuid_of(text: str) -> UUID:
    """The id that a person gave. Raises UsageError."""
    try:
        return UUID(text)
    except ValueError:
        raise UsageError(f"{text} is not an import's id (a UUID, as submit prints it)") from None


async def newest_run(store: Store, import_id: UUID) -> RunRow:
    """Raises UsageError if there is no such import."""
    runs = await store.list_runs(import_id, limit=1)
    if not runs:
        raise UsageError(f"no import {import_id} yet; a submitted one appears when the chunker takes it up")
    return runs[0]


async def _status(import_id: UUID | None, *, as_json: bool) -> int:
    async with opened_store(load_settings()) as store:
        if import_id is None:
            runs = await store.list_runs(limit=SHOWN)
            if as_json:
                typer.echo(orjson.dumps([run.model_dump(mode="json") for run in runs]))
            else:
                Console().print(_table(runs))
                for hold in await store.read_holds(FRESH_SECONDS):
                    typer.echo(_held(hold))
            return 0
        if as_json:
            run = await newest_run(store, import_id)
            holds = [] if run.ended else await store.read_holds(FRESH_SECONDS)
            held = [hold.model_dump(mode="json") for hold in holds]
            typer.echo(orjson.dumps({**run.model_dump(mode="json"), "holds": held}))
            return 0
        await _taken_up(store, import_id)
        run = await (_live if sys.stdout.isatty() else _plain)(store, import_id)
        return exit_code(run.state, run.breaks)


async def _taken_up(store: Store, import_id: UUID) -> None:
    """A submitted import has no run before the chunker has its event."""
    deadline = asyncio.get_running_loop().time() + TAKEN_UP_SECONDS
    while not await store.list_runs(import_id, limit=1):
        if asyncio.get_running_loop().time() > deadline:
            await newest_run(store, import_id)
        await asyncio.sleep(POLL_SECONDS)


async def _live(store: Store, import_id: UUID) -> RunRow:
    with Live(auto_refresh=False) as live:
        while True:
            run = await newest_run(store, import_id)
            holds = () if run.ended else await store.read_holds(FRESH_SECONDS)
            live.update(Group(_table([run]), *(_held(hold) for hold in holds)), refresh=True)
            if run.ended:
                return run
            await asyncio.sleep(POLL_SECONDS)


async def _plain(store: Store, import_id: UUID) -> RunRow:
    """A line whenever something changed, at most one in a while."""
    said, spoke = "", 0.0
    while True:
        run = await newest_run(store, import_id)
        holds = () if run.ended else await store.read_holds(FRESH_SECONDS)
        now = asyncio.get_running_loop().time()
        if (words := _words(run, holds)) != said and (run.ended or now - spoke >= PLAIN_SECONDS):
            typer.echo(words)
            said, spoke = words, now
        if run.ended:
            return run
        await asyncio.sleep(POLL_SECONDS)


def _held(hold: HoldRow) -> str:
    processes = f" in {hold.replicas} processes" if hold.replicas > 1 else ""
    return f"{hold.service}: paused since {hold.since:%Y-%m-%d %H:%M:%S} UTC{processes}: {hold.reason}"


def _words(run: RunRow, holds: Sequence[HoldRow] = ()) -> str:
    error = f": {trouble}" if (trouble := _trouble(run, "step ")) else ""
    words = (
        f"{run.import_id} run {run.run} {run.state} {run.progress_percent:.0f}%, {_chunks(run)} chunks{error}"
    )
    return "\n".join([words, *(_held(hold) for hold in holds)])


def _trouble(run: RunRow, step: str = "") -> str:
    """Why it failed, or what is to be known of its memory."""
    failure = f"{step}{run.error['step']}: {run.error['message']}" if run.error else ""
    return "; ".join(filter(None, (failure, why_unserved(run.unserved, run.import_id), broken(run.breaks))))


def _chunks(run: RunRow) -> str:
    total = "?" if run.chunks_total is None else f"{run.chunks_total:,}"
    dead = f" ({run.chunks_dead:,} dead)" if run.chunks_dead else ""
    return f"{run.chunks_ok + run.chunks_dead:,} of {total}{dead}"


def _table(runs: Sequence[RunRow]) -> Table:
    whole_id = Column("import", no_wrap=True, min_width=36)  # to be copied, also from a narrow terminal
    error = Column("error", overflow="fold")
    table = Table(
        whole_id,
        "run",
        "state",
        "chunks",
        "facts",
        "begun",
        error,
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=0,
        pad_edge=False,
    )
    for run in runs:
        table.add_row(
            str(run.import_id),
            str(run.run),
            run.state,
            _chunks(run),
            f"{run.facts_extracted:,}",
            f"{run.begun_at:%m-%d %H:%M}",
            _trouble(run),
        )
    return table
