"""What a run is for: said by its event or its row, and who of a user's runs speaks."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid5

import asyncpg
import pytest

from shared.domain.ids import quick_id, shadow_id
from shared.domain.runs import RunKind
from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
from tests.support import kinds
from tests.support.kinds import commit, event_of, extracted, fail, full_pass, page, request, runs_of, take
from tests.support.records import IMPORT, SEED, result_of, with_matter

OTHER = uuid5(SEED, "other")
V1 = event_of(5, import_id=OTHER)


@pytest.mark.parametrize("kind", RunKind)
async def test_a_run_is_what_its_event_says(store: Store, kind: RunKind) -> None:
    event = event_of(kind=kind)
    assert (await take(store, event)).kind is kind
    (row,) = await store.list_runs(event.import_id)
    report = await store.read_run(event.import_id, 1)
    assert report is not None
    for told in (row, report):
        assert (told.kind, told.parent_id) == (kind, event.parent_id)
    assert len({IMPORT, quick_id(IMPORT), shadow_id(IMPORT, "v2"), shadow_id(IMPORT, "v3")}) == 4


async def test_a_run_that_is_there_keeps_its_kind(store: Store) -> None:
    await request(store, "v2")
    for kind in (RunKind.SHADOW, RunKind.FALLBACK):
        event = event_of(kind=kind, import_id=IMPORT, parent_id=OTHER)
        assert (await take(store, event, pipeline="v2")).kind is RunKind.PRIMARY
    report = await store.read_run(IMPORT, 1)
    assert report is not None
    assert (report.kind, report.parent_id) == (RunKind.PRIMARY, None)


async def test_a_run_that_waits_is_begun_with_a_variant_and_ends_older_ones(
    store: Store, sql: asyncpg.Connection
) -> None:
    await take(store, event_of())
    await request(store, "v3")
    assert [state for *_, state in await runs_of(sql)] == ["chunking", "received"]
    assert (await take(store, event_of(2), pipeline="v3", variant="b")).variant == "b"
    assert [state for *_, state in await runs_of(sql)] == ["cancelled", "chunking"]
    assert (await take(store, event_of())).refusal == "older"


@EVERY_WAY
async def test_what_is_beside_a_run_is_not_the_newest(store: Store, sql: asyncpg.Connection) -> None:
    main = event_of()
    await take(store, main)
    for kind in (RunKind.QUICK, RunKind.SHADOW):
        await take(store, event_of(2, kind))
    await store.update_progress(IMPORT, 1, 10.0, "chunking")
    assert (await page(sql))[:2] == ("processing", "Parsing conversations")
    (user,) = await store.list_users(10)
    assert (user.runs, user.state) == (1, "chunking")
    await extracted(store, main)
    assert (await commit(store, main)).written
    assert (await store.list_users(10))[0].state == "complete"


async def test_what_is_asked_for_later_is_newer_than_a_fallback(
    store: Store, sql: asyncpg.Connection
) -> None:
    await request(store, "v2")
    await take(store, event_of())
    await fail(store, event_of())
    asked = await request(store, "v2", OTHER)
    assert asked.requested_at >= await sql.fetchval("SELECT max(requested_at) FROM imports WHERE run = 2")


async def test_where_v1_is_all_there_is_both_pages_come_to_an_end(
    store: Store, sql: asyncpg.Connection
) -> None:
    await take(store, V1, pipeline="v1")
    assert await page(sql) == ("processing", "Downloading export", 0, None)
    assert await full_pass(sql) == ("processing", None, "none")
    assert (await commit(store, V1, pipeline="v1")).written
    assert await page(sql) == ("complete", "Complete", 100, None)
    assert await full_pass(sql) == ("complete", None, "none")
    row = await kinds.shown(sql)
    assert (row["memory_md"], row["import_id"], row["pipeline"]) == (None, OTHER, "v1")
    await take(store, V1.model_copy(update={"run": 6}), pipeline="v1")
    await fail(store, V1.model_copy(update={"run": 6}))
    assert await full_pass(sql) == ("failed", "no model answers", "none")
    await take(store, event_of(requested_at=datetime.now(UTC)))
    assert (await full_pass(sql))[0] == "processing", "from now on v2 speaks"


async def test_a_run_of_v1_keeps_the_memory_that_is_there(store: Store, sql: asyncpg.Connection) -> None:
    await take(store, V1, pipeline="v1")
    await sql.execute("UPDATE user_profiles SET memory_md = '# Theirs'")
    assert (await commit(store, V1, pipeline="v1", memory_md="# Its own")).written
    row = await kinds.shown(sql)
    assert (row["memory_md"], row["memory_status"]) == ("# Theirs", "ready")


async def test_a_full_pass_is_told_to_its_end_whatever_comes_after_it_in_v1(
    store: Store, sql: asyncpg.Connection
) -> None:
    main = event_of()
    await take(store, main)
    await extracted(store, main)
    await take(store, V1, pipeline="v1")
    assert await page(sql) == ("processing", "Downloading export", 0, None)
    assert (await commit(store, main)).written
    assert (await page(sql), await full_pass(sql)) == (
        ("processing", "Downloading export", 0, None),
        ("complete", None, "ready"),
    )
    await fail(store, V1, "no model answers")
    assert (await page(sql), await full_pass(sql)) == (
        ("complete", "Complete", 100, None),
        ("complete", None, "ready"),
    )


async def test_the_predecessor_writes_of_its_runs_itself(store: Store, sql: asyncpg.Connection) -> None:
    await take(store, V1, pipeline="v1", variant="http")
    assert (await page(sql))[0] == "processing", "until it has it"
    token = await kinds.posted(store, V1)
    await sql.execute("UPDATE user_profiles SET import_stage = 'theirs', progress_percent = 7")
    before = await kinds.shown(sql)
    await store.update_progress(OTHER, 5, 50.0, "v1")
    assert await kinds.shown(sql) == before
    await store.settle_v1_call(token, "refused", "it does not want it", most=3)
    assert await page(sql) == ("failed", "Failed", 100, "it does not want it")
    assert (await full_pass(sql))[:2] == ("failed", "it does not want it"), "which is its own to say"


async def test_an_older_full_pass_is_no_word_of_the_predecessors(
    store: Store, sql: asyncpg.Connection
) -> None:
    main = event_of()
    await take(store, main)
    await extracted(store, main)
    await take(store, V1, pipeline="v1", variant="http")
    await kinds.posted(store, V1)
    await commit(store, main)
    assert (await full_pass(sql))[0] == "pending"
    assert await store.watch_v1_calls(3600.0) == []


async def test_what_the_predecessor_says_at_its_end_stays(store: Store, sql: asyncpg.Connection) -> None:
    await take(store, V1, pipeline="v1", variant="http")
    await kinds.posted(store, V1)
    await sql.execute(
        "UPDATE user_profiles SET import_stage = 'theirs', full_pass_status = 'complete', soul_md = '{}'"
    )
    assert [each.outcome for each in await store.watch_v1_calls(3600.0)] == ["complete"]
    before = await kinds.shown(sql)
    await take(store, event_of(kind=RunKind.SHADOW, of=OTHER))
    await take(store, event_of(kind=RunKind.QUICK, of=OTHER))
    assert await kinds.shown(sql) == before
    main = event_of(7)
    await take(store, main)
    await extracted(store, main)
    assert (await commit(store, main)).written
    assert (await page(sql), await full_pass(sql)) == (
        ("complete", "Complete", 100, None),
        ("complete", None, "ready"),
    )


async def test_in_markdown_the_main_run_speaks_too(store: Store, sql: asyncpg.Connection) -> None:
    main, quick = event_of(), event_of(kind=RunKind.QUICK)
    for event in (main, quick):
        await take(store, event, form="markdown")
    await store.update_progress(IMPORT, 1, 40.0, "chunking")
    assert (await commit(store, quick, form="markdown")).written
    row = await kinds.shown(sql)
    assert (row["import_stage"], row["progress_percent"], row["full_pass_status"]) == (
        "chunking",
        40,
        "processing",
    )
    assert (row["import_status"], row["soul_md"]) == ("none", "# quick")
    assert await kinds.owed(sql) == []


async def test_chunks_are_older_where_a_later_run_of_their_kind_is_there(store: Store) -> None:
    main = event_of()
    await take(store, main)
    await take(store, event_of(2, RunKind.FALLBACK))
    assert await recorded(store, 1) == []
    await take(store, event_of(3))
    assert await recorded(store, 1) == ["cancelled"]


async def recorded(store: Store, run: int) -> list[str]:
    """Why results of this run were ignored."""
    answer = await store.record_chunks([with_matter(result_of(0, run=run))], model="m", prompt_version="p")
    return [each.reason for each in answer.ignored]
