"""First sections while a run is at work: what the pages show, and what the run makes of it at its end."""

from __future__ import annotations

import json
from uuid import uuid5

import asyncpg
import pytest

from shared.domain.ids import quick_id
from shared.domain.runs import RunKey, RunKind
from shared.store.chunks import Chunking
from shared.store.store import Store
from tests.support import kinds
from tests.support.kinds import commit, event_of, extracted, full_pass, owed, page, request, soul, take
from tests.support.records import BORIS, IMPORT, SEED

MAIN, QUICK = event_of(), event_of(kind=RunKind.QUICK)
READY = ("quick_ready", "Complete", 100, None)
DONE = ("complete", "Complete", 100, None)


async def begun(store: Store) -> None:
    """A run and its quick one are at work; the quick one has its sections, and is not committed."""
    for event in (MAIN, QUICK):
        assert (await take(store, event)).refusal is None


async def test_first_sections_end_the_poll_and_the_memory_comes_after(
    store: Store, sql: asyncpg.Connection
) -> None:
    await begun(store)
    assert await page(sql) == ("processing", "Downloading export", 0, None)
    await store.update_progress(QUICK.import_id, 1, 60.0, "sampling")
    assert await page(sql) == ("processing", "Downloading export", 0, None), "it is the main run that speaks"
    assert (await commit(store, QUICK)).written
    assert (await page(sql), await full_pass(sql)) == (READY, ("processing", None, "building"))
    assert await soul(sql) == "quick"
    assert await owed(sql) == [(IMPORT, "quick")]
    assert json.loads((await kinds.shown(sql))["import_cost_json"])["total_cost_usd"] == 1.0
    await take(store, MAIN)
    await store.update_progress(IMPORT, 1, 10.0, "chunking")
    await extracted(store, MAIN)
    await store.note_progress([RunKey(IMPORT, 1)])
    assert (await store.claim_run(IMPORT, 1, "me", 60)).claimed
    assert await store.mark_published(IMPORT, 1)
    assert (await page(sql), await full_pass(sql)) == (READY, ("processing", None, "building"))
    assert (await commit(store, MAIN)).written
    assert (await page(sql), await full_pass(sql)) == (DONE, ("complete", None, "ready"))
    row = await kinds.shown(sql)
    assert (await soul(sql), row["memory_md"]) == ("primary", "# Memory 1")
    assert json.loads(row["import_cost_json"])["total_cost_usd"] == 5.0
    assert await owed(sql) == [(IMPORT, "quick"), (IMPORT, "complete")]
    assert (await commit(store, QUICK)).reason == "repeated"
    (version,) = await sql.fetch("SELECT import_id, kind, replaced_at FROM profile_versions")
    assert (version["import_id"], version["kind"]) == (quick_id(IMPORT), "quick")


async def test_first_sections_may_come_before_the_run_is_begun(store: Store, sql: asyncpg.Connection) -> None:
    await request(store, "v2")
    await take(store, QUICK)
    assert await page(sql) == ("processing", "Downloading export", 0, None)
    await commit(store, QUICK)
    assert await page(sql) == READY
    await take(store, MAIN)
    assert (await page(sql), await full_pass(sql)) == (READY, ("processing", None, "building"))


async def test_asked_for_again_a_run_goes_on_though_first_sections_are_served(
    store: Store, sql: asyncpg.Connection
) -> None:
    before = await request(store, "v2", quick_id=QUICK.import_id)
    assert before.quick is not None
    await take(store, MAIN)
    await take(store, QUICK)
    await commit(store, QUICK)
    await store.finish_chunking(IMPORT, 1, Chunking(2))
    again = await request(store, "v2", quick_id=QUICK.import_id)
    assert (again.run, again.resumed, again.state, again.quick) == (1, True, "extracting", None)
    assert again.requested_at == before.requested_at, "what it had read counts still"
    assert await page(sql) == READY


async def test_first_sections_that_come_last_are_kept_beside(store: Store, sql: asyncpg.Connection) -> None:
    await begun(store)
    await extracted(store, MAIN)
    await commit(store, MAIN)
    before = await kinds.shown(sql)
    assert (await commit(store, QUICK)).reason == "outdone"
    after = await kinds.shown(sql)
    assert {key for key in before if before[key] != after[key]} <= {"updated_at"}
    assert await owed(sql) == [(IMPORT, "complete")]
    row = await sql.fetchrow("SELECT kind, replaced_at, documents FROM profile_versions")
    assert row is not None
    assert (row["kind"], row["replaced_at"]) == ("quick", None)
    (told, _) = await store.list_runs(limit=2)
    assert (told.kind, told.parent_id, told.state, told.unserved) == (
        RunKind.QUICK,
        IMPORT,
        "unserved",
        "outdone",
    )


async def test_a_run_that_fails_after_first_sections_leaves_them(
    store: Store, sql: asyncpg.Connection
) -> None:
    await begun(store)
    await commit(store, QUICK)
    await kinds.fail(store, MAIN)
    assert (await page(sql), await full_pass(sql)) == (DONE, ("failed", "no model answers", "none"))
    assert len(await kinds.runs_of(sql)) == 1, "sections are served: no fallback"
    again = event_of(2)
    await take(store, again)
    assert (await page(sql), await full_pass(sql)) == (READY, ("processing", None, "building"))


async def test_cancelling_a_run_cancels_its_quick_one(store: Store, sql: asyncpg.Connection) -> None:
    await begun(store)
    await store.cancel_run(IMPORT, 1)
    assert (await commit(store, QUICK)).reason == "cancelled"
    assert await page(sql) == ("failed", "Failed", 100, "the import was cancelled")
    assert (await full_pass(sql))[0] == "pending"


async def test_cancelling_after_first_sections_ends_what_waits(store: Store, sql: asyncpg.Connection) -> None:
    await begun(store)
    await commit(store, QUICK)
    await store.cancel_run(IMPORT, 1)
    assert (await page(sql), await full_pass(sql)) == (DONE, ("failed", "the import was cancelled", "none"))


async def test_a_quick_run_that_fails_is_not_told(store: Store, sql: asyncpg.Connection) -> None:
    await begun(store)
    await kinds.fail(store, QUICK)
    assert (await page(sql))[0] == "processing"
    assert (await full_pass(sql))[:2] == ("processing", None)
    assert await kinds.runs_of(sql, QUICK.import_id) == [(1, "quick", "v1", "failed")]


async def test_what_is_locked_stays(store: Store, sql: asyncpg.Connection) -> None:
    await begun(store)
    await sql.execute("UPDATE user_profiles SET import_status = 'locked'")
    await commit(store, QUICK)
    assert await page(sql) == ("locked", "Complete", 100, None)
    await extracted(store, MAIN)
    await commit(store, MAIN)
    assert await page(sql) == ("locked", "Complete", 100, None)


async def test_first_sections_of_an_older_import_do_not_end_a_newer_ones_poll(
    store: Store, sql: asyncpg.Connection
) -> None:
    newer = event_of(2, import_id=uuid5(SEED, "newer"))
    await begun(store)
    await commit(store, QUICK)
    await take(store, newer)
    assert (await page(sql))[0] == "processing"
    await kinds.fail(store, newer)
    assert await page(sql) == DONE


@pytest.mark.parametrize("parent", [IMPORT, None], ids=["another's", "none"])
async def test_a_quick_run_speaks_for_no_import_but_its_own(
    store: Store, sql: asyncpg.Connection, parent: object
) -> None:
    await take(store, MAIN)
    strange = event_of(kind=RunKind.QUICK, user_id=BORIS, parent_id=parent)
    await take(store, strange)
    assert (await commit(store, strange, user_id=BORIS)).written
    assert (await page(sql))[0] == "processing"
    assert await owed(sql) == []
    assert (await kinds.shown(sql, BORIS))["import_status"] == "none"
