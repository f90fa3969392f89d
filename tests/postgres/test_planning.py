"""Which imports a plan takes, what it leaves out and why, and what it keeps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from shared.domain.ids import quick_id
from shared.store.store import Store
from tests.postgres.conftest import DIRECT
from tests.support.planning import (
    ABSENT,
    ASKED_AT,
    BEFORE,
    DEAD,
    MODEL,
    OK,
    PROMPTS,
    Chunk,
    imported,
    plan,
    planned_imports,
)

pytestmark = DIRECT
NOW = ((MODEL, PROMPTS),)


async def taken(store: Store, *which: str, **selection: Any) -> set[UUID]:
    row = await plan(store, *which, **selection)
    return set() if row.id is None else await planned_imports(store, row)


async def left_out(store: Store, *which: str, **selection: Any) -> dict[str, int]:
    return (await plan(store, *which, **selection)).figures.left_out


async def test_nothing_to_do_keeps_no_plan(store: Store) -> None:
    row = await plan(store)
    assert (row.id, row.figures.imports, row.figures.dollars, row.figures.left_out) == (None, 0, 0, {})
    assert await store.list_replays() == []
    assert await store.read_replay(uuid4()) is None


async def test_a_plan_is_kept_with_its_imports_and_answered_again(
    store: Store, sql: asyncpg.Connection
) -> None:
    one = await imported(sql, OK, OK)
    row = await plan(store, stage="facts", since=(ASKED_AT - timedelta(1)).isoformat())
    assert (row.state, row.which, row.planned_by, row.items) == ("planned", ("all",), "me", {"waiting": 1})
    assert row.id is not None
    await imported(sql, OK)
    again = await store.plan_replay(
        row.id, stage="chunks", which=["dead"], selection={}, pipeline="v3", model="m", prompt_version="p",
        by="you", rates=None, variant="{}", writing_version=None,
    )  # fmt: skip
    assert again == row == await store.read_replay(row.id)
    assert [each.id for each in await store.list_replays()] == [row.id]
    (item,) = await store.list_replay_items(row.id)
    assert (item.import_id, item.base_run, item.run, item.chunks) == (one, 1, None, 2)
    assert await store.list_replay_items(row.id, states=["done"]) == []
    assert await store.list_replay_items(row.id, after=item.position) == []


async def test_stale_is_what_others_than_the_present_model_and_prompts_read(
    store: Store, sql: asyncpg.Connection
) -> None:
    before = await imported(sql, OK)
    other = await imported(sql, OK, readers=(("offline", PROMPTS),))
    partly = await imported(sql, OK, OK, readers=((MODEL, BEFORE), (MODEL, PROMPTS)))
    fresh = await imported(sql, OK, readers=NOW)
    empty = await imported(sql, readers=())
    assert await taken(store, "stale") == {before, other, partly}
    assert await taken(store, "all") == {before, other, partly, fresh, empty}
    assert await taken(store, "all", model_version=BEFORE) == {before, partly}
    assert await taken(store, "all", model_version="offline") == {other}
    assert await taken(store, "all", model_version="nobody") == set()


async def test_missing_and_dead_are_runs_with_such_chunks_complete_or_failed(
    store: Store, sql: asyncpg.Connection
) -> None:
    whole = await imported(sql, OK, OK)
    dead = await imported(sql, OK, DEAD)
    missing = await imported(sql, OK, ABSENT)
    passed_over = await imported(sql, OK, Chunk("missing", tokens=0))
    failed = await imported(sql, DEAD, ABSENT, state="failed", counts=False)
    unread = await imported(sql, DEAD, state="failed", counts=False, read=False, chunks_total=None)
    assert await taken(store, "dead") == {dead, failed}
    assert await left_out(store, "dead") == {"unread": 1}
    assert await taken(store, "missing") == {missing, passed_over, failed, unread}
    assert await taken(store, "missing", "dead") == {dead, missing, passed_over, failed, unread}
    assert whole not in await taken(store, "missing", "dead")
    assert (await plan(store, "missing")).figures.unread == 1


async def test_what_cannot_be_done_is_told_with_its_reason(store: Store, sql: asyncpg.Connection) -> None:
    fine = await imported(sql, OK)
    await imported(sql, OK, state="cancelled", counts=False)
    await imported(sql, OK, state="extracting", counts=False)
    await imported(sql, OK, state="failed", counts=False)
    await imported(sql, OK, state="failed", counts=False, error='{"at_fault": true}')
    await imported(sql, OK, unserved="older", counts=False)
    await imported(sql, OK, counts=False)
    await imported(sql, OK, unserved="smaller", counts=False)
    await imported(sql, OK, read=False)
    v1 = await imported(sql, pipeline="v1", counts=False)
    assert await left_out(store, "all") == {
        "running": 1, "failed": 1, "at fault": 1, "outdone": 2, "unserved": 1, "unread": 1, "cancelled": 1,
    }  # fmt: skip
    assert await taken(store, "all") == {fine}
    assert await left_out(store, "all", imports=[v1, uuid4()]) == {"v1": 1, "unknown": 1}
    assert await left_out(store, "all", users=[uuid4()]) == {"no imports": 1}
    (row,) = await sql.fetch("SELECT user_id FROM imports WHERE import_id = $1", fine)
    assert await taken(store, "all", users=[row["user_id"], uuid4()]) == {fine}
    assert await taken(store, "all", users=[uuid4()], imports=[fine]) == set()


async def test_a_replay_whose_source_was_away_closes_an_import_to_none_that_follows(
    store: Store, sql: asyncpg.Connection
) -> None:
    one = await imported(sql, OK, DEAD)
    owner = await sql.fetchval("SELECT user_id FROM imports WHERE import_id = $1", one)
    replay = (await plan(store, "all")).id
    await imported(
        sql, OK, DEAD, user_id=owner, import_id=one, run=2, counts=False, state="failed", base_run=1,
        priority="replay", replay_stage="facts", replay_id=replay, error='{"at_fault": true}',
    )  # fmt: skip
    for which in ("all", "stale", "dead"):
        assert await taken(store, which) == {one}


async def test_an_import_that_was_deleted_or_whose_newer_run_is_under_way_is_no_longer_chosen(
    store: Store, sql: asyncpg.Connection
) -> None:
    gone, again, stays = await imported(sql, OK), await imported(sql, OK), await imported(sql, OK)
    row = await plan(store)
    await sql.execute("DELETE FROM imports WHERE import_id = $1", gone)
    await imported(sql, import_id=again, run=2, state="chunking", counts=False)
    assert await sql.fetchval("SELECT count_selected(r) FROM replays r WHERE r.id = $1", row.id) == 1
    assert await taken(store) == {stays}
    assert await left_out(store, imports=[gone, again]) == {"unknown": 1, "running": 1}


async def test_of_runs_of_an_import_the_newest_that_is_served_is_the_base(
    store: Store, sql: asyncpg.Connection
) -> None:
    async def base(*which: str) -> int:
        (item,) = await store.list_replay_items((await plan(store, *which)).id or uuid4())
        return item.base_run

    replay: dict[str, Any] = {"replay_id": uuid4(), "replay_stage": "facts", "base_run": 1}
    one, user = await imported(sql, OK, DEAD, user_id=(user := uuid4())), user
    for run, columns in enumerate(
        (
            {"unserved": "held", **replay},  # kept beside: no base
            {"state": "failed", **replay},
            {"state": "cancelled", **replay},
        ),
        2,
    ):
        await imported(sql, OK, DEAD, import_id=one, user_id=user, run=run, counts=False, **columns)
        assert [await base("all"), await base("dead"), await base("stale")] == [1, 1, 1]
    await imported(sql, OK, DEAD, import_id=one, user_id=user, run=5, **replay)  # a replay that is served
    assert [await base("all"), await base("dead")] == [5, 5]
    await imported(sql, OK, DEAD, import_id=one, user_id=user, run=6, counts=False, state="failed")
    assert [await base("all"), await base("dead")] == [5, 6]


async def test_quick_shadow_and_fallback_runs_are_no_imports_to_be_done_again(
    store: Store, sql: asyncpg.Connection
) -> None:
    one = await imported(sql, OK)
    await imported(sql, import_id=quick_id(one), kind="quick", parent_id=one, pipeline="v1", counts=False)
    await imported(sql, OK, kind="shadow", parent_id=one, counts=False)
    assert await taken(store) == {one}
    assert await left_out(store) == {}


async def test_times_are_of_the_request_of_the_base(store: Store, sql: asyncpg.Connection) -> None:
    days = [await imported(sql, OK, requested_at=ASKED_AT + timedelta(days=n)) for n in range(4)]
    since, until = (ASKED_AT + timedelta(days=1)).isoformat(), (ASKED_AT + timedelta(days=3)).isoformat()
    assert await taken(store, since=since, until=until) == {days[1], days[2]}


async def test_a_sample_is_the_same_each_time_and_grows_by_what_is_added(
    store: Store, sql: asyncpg.Connection
) -> None:
    everything = {await imported(sql, OK) for _ in range(200)}
    ten, twenty = await taken(store, sample="10"), await taken(store, sample="20")
    assert (len(ten), len(twenty)) == (10, 20)
    assert ten < twenty < everything
    assert ten == await taken(store, sample="10")
    fifth, third = await taken(store, sample="20%"), await taken(store, sample="33.3%")
    assert fifth < third < everything
    assert 20 <= len(fifth) <= 60
    assert await taken(store, sample="100%") == everything
    assert await taken(store, sample="900") == everything
    await sql.execute("DELETE FROM imports WHERE import_id = $1", next(iter(everything - fifth)))
    assert await taken(store, sample="20%") == fifth


async def test_two_plans_may_be_of_the_same_users_and_another_pipelines_import_is_taken(
    store: Store, sql: asyncpg.Connection
) -> None:
    one, other = await imported(sql, OK), await imported(sql, OK, pipeline="v3")
    assert await taken(store) == await taken(store) == {one, other}
    assert len(await store.list_replays()) == 2
    assert len(await store.list_replays(limit=1)) == 1
