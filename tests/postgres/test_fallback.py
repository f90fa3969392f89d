"""After a run has failed v1 gives sections: when, how often, and what the pages show meanwhile."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid5

import asyncpg
import pytest

from shared.domain.events import ImportReceived
from shared.domain.ids import quick_id
from shared.domain.runs import RunKey, RunKind
from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
from tests.support import kinds
from tests.support.kinds import (
    commit,
    event_of,
    extracted,
    fail,
    full_pass,
    owed,
    page,
    request,
    runs_of,
    soul,
    take,
)
from tests.support.records import IMPORT, SEED

MAIN, FALLBACK = event_of(), event_of(2, RunKind.FALLBACK)
OTHER = event_of(9, import_id=uuid5(SEED, "other"))
WAITS = (2, "fallback", "v1", "received")
WHY = "no model answers"
DONE = ("complete", "Complete", 100, None)


async def failed(store: Store) -> None:
    """The run was at work, and failed."""
    await take(store, MAIN)
    await extracted(store, MAIN)
    await store.note_progress([RunKey(IMPORT, 1)])
    await fail(store, MAIN)


async def test_a_failed_run_gets_a_fallback_and_the_page_waits_for_it(
    store: Store, sql: asyncpg.Connection
) -> None:
    await failed(store)
    assert await runs_of(sql) == [(1, "primary", "v2", "failed"), WAITS]
    row = await sql.fetchrow("SELECT * FROM imports WHERE run = 2")
    first = await sql.fetchrow("SELECT * FROM imports WHERE run = 1")
    assert row is not None
    assert first is not None
    same = ("user_id", "source", "lineage", "profile_format", "on_log")
    assert [row[name] for name in same] == [first[name] for name in same]
    assert row["requested_at"] - first["requested_at"] == timedelta(microseconds=1)
    assert (row["variant"], row["parent_id"], row["offered_at"]) == ("", None, None)
    waiting = ("processing", "Generating soulprint", 79, None)
    assert (await page(sql), (await full_pass(sql))[:2]) == (waiting, ("failed", WHY))
    assert (await take(store, FALLBACK, variant="builtin")).variant == "builtin"
    await store.update_progress(IMPORT, 2, 10.0, "sampling")
    assert await page(sql) == waiting
    assert (await commit(store, FALLBACK)).written
    assert (await page(sql), await full_pass(sql)) == (DONE, ("failed", WHY, "none"))
    assert await soul(sql) == "fallback"
    assert await owed(sql) == [(IMPORT, "complete")]
    assert (await commit(store, FALLBACK)).reason == "repeated"
    assert not await fail(store, MAIN)
    assert len(await runs_of(sql)) == 2


async def test_a_run_that_could_read_too_little_gets_one(store: Store, sql: asyncpg.Connection) -> None:
    await take(store, MAIN)
    await extracted(store, MAIN)
    error = {"step": "consolidating", "message": "only half could be read"}
    for expected in ("failed", "repeated"):
        assert (await commit(store, MAIN, status="failed", error=error)).reason == expected
        assert (await runs_of(sql))[1:] == [WAITS]
    assert (await page(sql))[0] == "processing"


async def begin_unlogged(store: Store, _sql: asyncpg.Connection) -> ImportReceived:
    await store.take_run(MAIN, "v2", "a", on_log=False, profile_format="app")
    return MAIN


async def begin_v1(store: Store, _sql: asyncpg.Connection) -> ImportReceived:
    await take(store, MAIN, pipeline="v1")
    return MAIN


async def begin_shadow(store: Store, _sql: asyncpg.Connection) -> ImportReceived:
    shadow = event_of(kind=RunKind.SHADOW)
    await take(store, shadow)
    return shadow


async def begin_with_a_later_one(store: Store, _sql: asyncpg.Connection) -> ImportReceived:
    await take(store, MAIN)
    asked = await request(store, "v3")
    assert (asked.run, asked.resumed) == (2, False)
    return MAIN


async def begin_with_sections(store: Store, sql: asyncpg.Connection) -> ImportReceived:
    await take(store, MAIN)
    await sql.execute("UPDATE user_profiles SET user_md = '{}'")
    return MAIN


@pytest.mark.parametrize(
    "begin", [begin_unlogged, begin_v1, begin_shadow, begin_with_a_later_one, begin_with_sections]
)
async def test_no_fallback(store: Store, sql: asyncpg.Connection, begin: Any) -> None:
    event = await begin(store, sql)
    assert await fail(store, event)
    assert await sql.fetchval("SELECT count(*) FROM imports WHERE kind = 'fallback'") == 0


async def test_no_fallback_where_the_export_is_at_fault_or_nobody_wants_it(
    store: Store, sql: asyncpg.Connection
) -> None:
    await take(store, MAIN)
    assert await fail(store, MAIN, "not a zip", at_fault=True)
    assert await runs_of(sql) == [(1, "primary", "v2", "failed")]
    assert await page(sql) == ("failed", "Failed", 100, "not a zip")
    (told,) = await store.list_runs(IMPORT)
    assert told.error == {"step": "extracting", "message": "not a zip", "at_fault": True}
    await take(store, event_of(2))
    await store.cancel_run(IMPORT, 2)
    assert len(await runs_of(sql)) == 2


@pytest.mark.parametrize("ends", ["fails", "is cancelled"])
async def test_where_the_fallback_comes_to_nothing_the_first_error_is_shown(
    store: Store, sql: asyncpg.Connection, ends: str
) -> None:
    await failed(store)
    await take(store, FALLBACK)
    if ends == "fails":
        await fail(store, FALLBACK, "nor here")
    else:
        await store.cancel_run(IMPORT, 2)
    assert await page(sql) == ("failed", "Failed", 100, WHY)
    assert (await full_pass(sql))[:2] == ("failed", WHY)
    assert len(await runs_of(sql)) == 2


async def test_a_retry_goes_beside_the_fallback_and_gets_none_of_its_own(
    store: Store, sql: asyncpg.Connection
) -> None:
    await failed(store)
    asked = await request(store, "v2")
    assert (asked.run, asked.resumed, asked.kind) == (3, False, RunKind.PRIMARY)
    again = event_of(3)
    await take(store, again)
    assert (await take(store, FALLBACK)).refusal is None, "neither older nor cancelled"
    assert (await take(store, FALLBACK)).refusal is None
    await fail(store, again, "again")
    assert [run for run, *_ in await runs_of(sql)] == [1, 2, 3]
    assert (await page(sql))[0] == "processing"
    await commit(store, FALLBACK)
    assert await page(sql) == DONE


async def test_cancelling_a_retry_cancels_the_fallback_beside_it(
    store: Store, sql: asyncpg.Connection
) -> None:
    await failed(store)
    await take(store, FALLBACK)
    await request(store, "v2")
    assert await store.cancel_run(IMPORT, 3)
    assert [state for *_, state in await runs_of(sql)] == ["failed", "cancelled", "cancelled"]
    assert (await commit(store, FALLBACK)).reason == "cancelled"


async def test_a_retry_that_fails_gets_no_second_fallback(store: Store, sql: asyncpg.Connection) -> None:
    await failed(store)
    await take(store, FALLBACK)
    await fail(store, FALLBACK)
    again = event_of(3)
    await take(store, again)
    assert (await page(sql))[0] == "processing"
    await fail(store, again, "again")
    assert [run for run, *_ in await runs_of(sql)] == [1, 2, 3]
    assert await page(sql) == ("failed", "Failed", 100, "again")


@EVERY_WAY
async def test_what_fails_and_is_asked_for_at_once_gets_numbers_of_its_own(
    store: Store, sql: asyncpg.Connection
) -> None:
    await take(store, MAIN)
    await extracted(store, MAIN)
    ended = await asyncio.gather(
        fail(store, MAIN),
        commit(store, MAIN, status="failed", error={"step": "s", "message": "m"}),
        fail(store, MAIN),
        *(request(store, "v3") for _ in range(3)),
    )
    assert [ended[0], getattr(ended[1], "reason", None) == "failed", ended[2]].count(True) == 1
    runs = await runs_of(sql)
    assert [run for run, *_ in runs] == [*range(1, len(runs) + 1)]
    assert len([kind for _, kind, *_ in runs if kind == "fallback"]) <= 1


async def test_a_fallback_takes_the_place_of_first_sections_and_not_of_a_memory(
    store: Store, sql: asyncpg.Connection
) -> None:
    quick = event_of(kind=RunKind.QUICK)
    await take(store, quick)
    await failed(store)
    await commit(store, quick)
    assert await page(sql) == DONE, "nothing is waited for any more"
    await take(store, FALLBACK)
    assert (await commit(store, FALLBACK)).written
    assert await soul(sql) == "fallback"
    assert (await store.read_documents(quick_id(IMPORT), 1)) is not None
    await take(store, OTHER)
    await extracted(store, OTHER)
    await commit(store, OTHER)
    later = event_of(20, import_id=uuid5(SEED, "later"))
    await take(store, later, pipeline="v1")
    assert (await commit(store, later, pipeline="v1")).reason == "outdone"
    row = await kinds.shown(sql)
    assert (await soul(sql), row["memory_md"]) == ("primary", "# Memory 9")


async def test_a_fallback_that_is_late_is_kept_beside_a_memory(store: Store, sql: asyncpg.Connection) -> None:
    await failed(store)
    await take(store, FALLBACK)
    await take(store, OTHER)
    await extracted(store, OTHER)
    await commit(store, OTHER)
    assert (await commit(store, FALLBACK)).reason == "outdone"
    assert await soul(sql) == "primary"
    assert await owed(sql) == [(OTHER.import_id, "complete")]


@EVERY_WAY
async def test_what_the_predecessor_writes_is_left_to_it_until_it_fails(
    store: Store, sql: asyncpg.Connection
) -> None:
    await failed(store)
    await take(store, FALLBACK, variant="http")
    token = await kinds.posted(store, FALLBACK)
    await sql.execute("UPDATE user_profiles SET import_stage = 'theirs', progress_percent = 7")
    before = await kinds.shown(sql)
    await take(store, FALLBACK, variant="http")
    await store.update_progress(IMPORT, 2, 10.0, "v1")
    assert await kinds.shown(sql) == before
    await store.settle_v1_call(token, "refused", "nor there", most=3)
    assert await page(sql) == ("failed", "Failed", 100, WHY)
    assert (await full_pass(sql))[:2] == ("failed", WHY)


async def test_a_fallback_that_stands_still_is_found(store: Store, sql: asyncpg.Connection) -> None:
    await failed(store)
    await take(store, event_of(3))
    await sql.execute("UPDATE imports SET updated_at = updated_at - interval '1 day'")
    assert [each.run for each in await store.find_stalled("v2", 60)] == [3]
    (stalled,) = await store.find_stalled("v1", 60)
    assert (stalled.run, stalled.kind, stalled.parent_id, stalled.action) == (
        2,
        RunKind.FALLBACK,
        None,
        "import",
    )
