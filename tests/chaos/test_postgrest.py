"""PostgREST killed again and again in the middle of an import over REST: nothing is lost, nothing doubled."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg

from shared.store.store import Store
from tests.chaos.fire import END_SECONDS, every_planted_fact_is_there_once, say
from tests.exports.generate import generate
from tests.support.gateway import Project
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted
from tests.support.waiting import until

KILLS, CONVERSATIONS = 10, 500
APART = 10
"""Chunks that are recorded between two kills, at least."""


async def test_kills_of_postgrest_lose_nothing_and_double_nothing(
    project: Project, database: str, store: Store, sql: asyncpg.Connection, tmp_path: Path
) -> None:
    truth = generate(tmp_path / "export.json", CONVERSATIONS)
    setting = LocalSetting(database, tmp_path)
    setting.changes = {
        "store": "rest",
        "supabase_url": project.url,
        "supabase_service_role_key": project.service_key,
        "chunk_tokens": 1000,
        "extract_workers": 0,
        "import_window": 16,
    }
    async with hosted(setting):
        event = await setting.import_of(tmp_path / "export.json")

        async def recorded() -> int:
            found: int = await sql.fetchval("SELECT count(*) FROM chunk_results")
            return found

        for _ in range(KILLS):
            goal = await recorded() + APART

            async def goes_on(goal: int = goal) -> bool:
                """The import goes on"""
                return await recorded() >= goal

            await until(goes_on, END_SECONDS)
            await project.rest.kill()
            await asyncio.sleep(0.1)  # what is tested, not a wait for something
            await project.rest.start()
        during = await store.list_runs(event.import_id)
        run = await ended(store, event, END_SECONDS)
        letters = {name: setting.log.letters(setting.topic(name)) for name in setting.log.kept}
    assert not during[0].ended, "the last kill came too late"
    assert (run.state, run.coverage, run.chunks_dead) == ("complete", 1.0, 0), run
    assert not any(letters.values()), letters
    await every_planted_fact_is_there_once(setting, event, truth)
    say(
        f"{KILLS} kills of PostgREST in an import of {CONVERSATIONS} conversations, {run.chunks_total} chunks"
    )
