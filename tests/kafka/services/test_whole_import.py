"""One history over both logs, interrupted, cancelled and partly withdrawn, gives the same bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest

import soulprint
from services.chunker.app import app as chunker
from services.extractor.app import app as extractor
from shared.host.service import Kit, Opener, Service
from shared.store.runs import RunRow
from shared.store.store import Store
from tests.exports.generate import generate
from tests.support.databases import EMPTY
from tests.support.exports import START, chain, json_of
from tests.support.ops import CommandOf
from tests.support.services import Setting, ended, hosted, submitted
from tests.support.waiting import until

ANA = UUID(int=0xA)
WITHDRAWN = ("marked", "emptied")
AMID = 3
"""Chunks that are in when a run is interrupted: a few of many, as the next ones wait for them."""
RESULTS = """
SELECT 'fact', to_jsonb(f)::text FROM facts f JOIN imports i USING (import_id, run) WHERE i.state = 'complete'
UNION ALL SELECT 'passage', (to_jsonb(c) - ARRAY['id', 'updated_at'])::text FROM conversation_chunks c
UNION ALL SELECT 'profile', to_jsonb(p)::text FROM (
    SELECT user_id, memory_md, soul_md, identity_md, user_md, agents_md, tools_md, soulprint_text, import_id,
           run, pipeline, full_pass_status FROM user_profiles) p
UNION ALL SELECT 'replaced', to_jsonb(v)::text FROM (
    SELECT user_id, memory_md, soul_md, import_id, run FROM profile_versions ORDER BY version) v
ORDER BY 1, 2
"""


def histories(folder: Path) -> tuple[Path, Path]:
    """Two exports of one history. Of the conversations of the first, one is marked do-not-remember in the
    second, and one is empty."""
    generate(folder / "generated.json", 60, seed=11)
    rest = json.loads((folder / "generated.json").read_bytes())
    marked = chain("I live in Reykjavik.", "Noted!", conversation_id="marked")
    emptied = chain("I am allergic to walnuts.", "Noted!", conversation_id="emptied")
    first, second = folder / "first.json", folder / "second.json"
    first.write_bytes(json_of([marked, emptied, *rest]))
    later: dict[str, Any] = {"update_time": START + 10_000}
    withdrawn = [marked | later | {"is_do_not_remember": True}, chain(conversation_id="emptied", **later)]
    second.write_bytes(json_of([*withdrawn, *rest]))
    return first, second


class Amid:
    """The newest run of the only user, met while it is under way."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self) -> RunRow:
        (run, *_) = await self._store.list_runs(limit=1)
        return run

    async def reached(self) -> RunRow:
        """The run, once a few of its chunks are in."""
        seen: list[RunRow] = []

        async def are_in() -> bool:
            """a few chunks are in"""
            seen[:] = [run for run in await self._store.list_runs(limit=1) if not run.ended]
            return any(run.chunks_ok >= AMID for run in seen)

        await until(are_in)
        return seen[0]


@pytest.mark.slow
async def test_one_history_gives_the_same_bytes_over_both_logs(
    setting: Setting, store: Store, sql: asyncpg.Connection, tmp_path: Path, command_of: CommandOf
) -> None:
    first, second = histories(tmp_path)
    setting.root = tmp_path
    setting.changes["chunk_tokens"] = 1000
    await by_soulprint_run(setting, store, tmp_path / "out", first, second)
    in_memory = await results(sql)
    await sql.execute(EMPTY)
    await by_the_services(setting, store, command_of, first, second)
    on_kafka = await results(sql)
    kinds = [kind for kind, _ in in_memory]
    assert (kinds.count("profile"), kinds.count("replaced")) == (1, 1)
    assert kinds.count("fact") > 50
    assert kinds.count("passage") > 50
    assert on_kafka == in_memory


async def results(sql: asyncpg.Connection) -> list[tuple[str, str]]:
    """All that was made of the history, without times of writing."""
    found = [tuple(row) for row in await sql.fetch(RESULTS)]
    for text in ("Reykjavik", "walnuts"):
        kinds = {kind for kind, row in found if text in row}
        assert kinds <= {"fact", "replaced"}, "only what the first import left of itself may tell of it"
    return found


async def by_soulprint_run(setting: Setting, store: Store, out: Path, first: Path, second: Path) -> None:
    """Stopped and given again; then cancelled and asked for anew."""

    def run(export: Path, **more: Any) -> asyncio.Task[soulprint.Report]:
        settings: dict[str, Any] = {"database_url": setting.database, **setting.changes, **more}
        return asyncio.create_task(soulprint.run_export(export, user=ANA, out=out, **settings))

    amid = Amid(store)
    stopped = run(first, import_window=1)
    seen = await amid.reached()
    stopped.cancel()
    with suppress(asyncio.CancelledError):
        await stopped
    assert stopped.cancelled()
    report = await run(first)
    assert report.complete
    assert (report.content["run"], report.coverage) == (1, 1.0)
    await were_kept(store, (await amid.run()).chunks_ok > seen.chunks_ok)

    cancelled = run(second, import_window=1)
    seen = await amid.reached()
    assert await store.cancel_run(seen.import_id, seen.run)
    with pytest.raises(soulprint.SoulprintError, match="run 1 was cancelled"):
        await cancelled
    report = await run(second)
    assert report.complete
    assert report.content["run"] == 2
    await are_forgotten(store)
    profile = await store.read_profile(ANA)
    assert profile is not None
    assert (out / "MEMORY.md").read_text() == profile.memory_md


async def by_the_services(
    setting: Setting, store: Store, command_of: CommandOf, first: Path, second: Path
) -> None:
    """Stopped and started again; then cancelled and submitted anew."""

    async def submit(export: Path) -> Any:
        command = command_of(setting)
        done = await asyncio.to_thread(command, "submit", export, "--user", str(ANA), "--json")
        return submitted(done, ANA)

    amid, window = Amid(store), setting.changes | {"import_window": 1}
    narrow = replace(setting, changes=window)
    event = await submit(first)
    async with hosted(narrow, **HASTY):
        seen = await amid.reached()
    assert not (await amid.run()).ended
    async with hosted(setting):
        run = await ended(store, event)
    assert (run.state, run.run, run.coverage, run.chunks_dead) == ("complete", 1, 1.0, 0), run
    await were_kept(store, run.chunks_ok > seen.chunks_ok)

    event = await submit(second)
    async with hosted(narrow, **HASTY):
        seen = await amid.reached()
        assert await store.cancel_run(seen.import_id, seen.run)
        assert (await ended(store, event)).state == "cancelled"
    again = await submit(second)
    assert (again.import_id, again.run) == (event.import_id, 2)
    async with hosted(setting):
        run = await ended(store, again)
    assert (run.state, run.coverage) == ("complete", 1.0), run
    await are_forgotten(store)
    command = command_of(setting)
    followed = await asyncio.to_thread(command, "status", str(event.import_id))
    assert followed.code == 0, followed.err
    assert "complete 100%" in followed.out
    assert (await asyncio.to_thread(command, "cancel", str(event.import_id))).code == 1


async def were_kept(store: Store, went_on: bool) -> None:
    """The first import ended, having gone on from the middle, and holds what is withdrawn later."""
    assert went_on
    for conversation in WITHDRAWN:
        assert await store.read_passages(ANA, conversation)


async def are_forgotten(store: Store) -> None:
    """Nobody can find what was withdrawn."""
    for conversation in WITHDRAWN:
        assert await store.read_passages(ANA, conversation) == []
    for text in ("Reykjavik", "walnuts"):
        assert await store.search_passages(ANA, text, 10) == []


def hasty(app: Opener) -> Opener:
    """A service that does not wait for what is in work when it is stopped."""

    @asynccontextmanager
    async def opener(kit: Kit) -> AsyncIterator[Service]:
        async with app(kit) as service:
            yield replace(service, grace=0.0)

    return opener


HASTY = {"chunker": hasty(chunker), "extractor": hasty(extractor)}
