"""The one way in: which run a request is, under a key and within limits; and what the log is owed."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import pytest

from shared.domain.errors import StoreError
from shared.domain.ids import quick_id
from shared.domain.runs import RunKey, RunKind
from shared.store.accepting import AcceptedRun, RefusedRun
from shared.store.profiles import Commit
from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
from tests.support.kinds import event_of
from tests.support.records import ANNA, BORIS, IMPORT, SEED, commit, memory_of
from tests.support.runs import begin_run

OTHERS = [uuid5(SEED, f"another {n}") for n in range(6)]
SOURCE = "imports/a/export.zip"
LEASE = 30.0


async def asked(store: Store, import_id: UUID = IMPORT, user_id: UUID = ANNA, **terms: Any) -> Any:
    return await store.accept_import(import_id, user_id, terms.pop("source", SOURCE), "v2", **terms)


async def taken(store: Store, *args: Any, **terms: Any) -> AcceptedRun:
    answer = await asked(store, *args, **terms)
    assert isinstance(answer, AcceptedRun), answer
    return answer


async def refused(store: Store, *args: Any, **terms: Any) -> RefusedRun:
    answer = await asked(store, *args, **terms)
    assert isinstance(answer, RefusedRun), answer
    return answer


async def count(sql: asyncpg.Connection, where: str = "true") -> int:
    found: int = await sql.fetchval(f"SELECT count(*) FROM imports WHERE {where}")
    return found


async def test_a_run_that_goes_on_is_read_from_where_it_was_if_so_asked(store: Store) -> None:
    await taken(store)
    assert (await taken(store, source="imports/a/2.zip", keep_source=True)).source == SOURCE
    assert (await taken(store, source="imports/a/2.zip")).source == "imports/a/2.zip"
    await store.cancel_run(IMPORT, 1)
    assert (await taken(store, keep_source=True)).source == SOURCE


async def test_a_user_has_so_many_keys_an_hour(store: Store, sql: asyncpg.Connection) -> None:
    for n in range(10):
        await taken(store, key=f"k{n}", per_hour=1)
    refusal = await refused(store, key="k10", per_hour=1)
    assert (refusal.refusal, refusal.retry_after) == ("hourly", 600)
    assert await sql.fetchval("SELECT count(*) FROM idempotency_keys") == 10
    assert (await taken(store, key="k9", per_hour=1)).repeated
    assert (await taken(store, per_hour=1)).resumed
    await sql.execute("UPDATE idempotency_keys SET created_at = now() - interval '61 minutes'")
    await taken(store, key="k10", per_hour=1)


@EVERY_WAY
async def test_many_at_once_without_a_key_are_one_run(store: Store, sql: asyncpg.Connection) -> None:
    runs = await asyncio.gather(*(taken(store) for _ in range(20)))
    assert {run.run for run in runs} == {1}
    assert sum(not run.resumed for run in runs) == 1
    assert await count(sql) == 1


@EVERY_WAY
async def test_many_at_once_under_a_key_get_the_same_answer(store: Store, sql: asyncpg.Connection) -> None:
    runs = await asyncio.gather(*(taken(store, key="k", digest="d") for _ in range(20)))
    assert len({run.model_dump_json(exclude={"repeated"}) for run in runs}) == 1
    assert sum(not run.repeated for run in runs) == 1
    assert await count(sql) == 1


async def test_a_key_answers_the_same_when_all_has_changed(store: Store, sql: asyncpg.Connection) -> None:
    first = await taken(store, key="k", digest="d")
    await sql.execute("UPDATE imports SET state = 'failed'")
    again = await taken(store, key="k", digest="d")
    assert again == first.model_copy(update={"repeated": True})
    assert (await taken(store)).run == 2
    assert (await taken(store, user_id=BORIS, import_id=OTHERS[0], key="k", digest="x")).run == 1


async def test_a_key_of_another_request_is_refused(store: Store, sql: asyncpg.Connection) -> None:
    await taken(store, key="k", digest="d")
    assert (await refused(store, OTHERS[0], key="k", digest="e")).refusal == "key"
    assert await count(sql) == 1


async def test_a_key_is_kept_for_a_day(store: Store, sql: asyncpg.Connection) -> None:
    await taken(store, key="k", digest="d")
    await sql.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    assert not (await taken(store, OTHERS[0], key="k", digest="e")).repeated
    await sql.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 hours'")
    await store.take_unoffered(5, LEASE, 10)
    assert await sql.fetchval("SELECT count(*) FROM idempotency_keys") == 0


async def test_an_unfinished_run_is_answered_again_and_a_finished_one_is_not(store: Store) -> None:
    await begin_run(store, OTHERS[0], ANNA, SOURCE, "v2")  # one process's: none of the services'
    first = await taken(store)
    assert (await taken(store)).resumed
    assert (await taken(store, pipeline="v2")).resumed
    elsewhere = await taken(store, pipeline="v3")
    assert (elsewhere.run, elsewhere.pipeline, elsewhere.resumed) == (2, "v3", False)
    await store.cancel_run(IMPORT, first.run)
    await store.cancel_run(IMPORT, elsewhere.run)
    assert (await taken(store)).run == 3


async def test_the_next_run_is_for_an_import_that_has_ended(store: Store) -> None:
    assert (await refused(store, again=True, source=None)) == RefusedRun(refusal="unknown", retry_after=None)
    await taken(store, lineage="work", asked={"conversation_count": 7, "message_count": None})
    assert (await refused(store, again=True, source=None)) == RefusedRun(refusal="running", retry_after=None)
    await store.cancel_run(IMPORT, 1)
    run = await taken(store, again=True, source=None)
    assert (run.run, run.source, run.lineage, run.asked.conversation_count) == (2, SOURCE, "work", 7)


@EVERY_WAY
async def test_another_users_import_is_refused(store: Store) -> None:
    await taken(store)
    with pytest.raises(StoreError, match="SP002"):
        await asked(store, user_id=BORIS, key="k")
    assert not (await taken(store, OTHERS[0], BORIS, key="k")).repeated


async def test_a_user_has_so_many_unfinished(store: Store, sql: asyncpg.Connection) -> None:
    for other in OTHERS[:2]:
        await taken(store, other, at_once=2)
    refusal = await refused(store, OTHERS[2], at_once=2, key="k")
    assert refusal.refusal == "unfinished"
    assert refusal.retry_after == 60
    assert await sql.fetchval("SELECT count(*) FROM idempotency_keys") == 0
    assert (await taken(store, OTHERS[0], at_once=2)).resumed
    await taken(store, OTHERS[3], BORIS, at_once=2)
    await store.cancel_run(OTHERS[0], 1)
    await taken(store, OTHERS[2], at_once=2, key="k")


async def test_a_user_asks_so_often_within_an_hour(store: Store, sql: asyncpg.Connection) -> None:
    for other in OTHERS[:3]:
        await taken(store, other, per_hour=3)
        await store.cancel_run(other, 1)
    refusal = await refused(store, OTHERS[3], per_hour=3)
    assert refusal.refusal == "hourly"
    assert refusal.retry_after is not None
    assert 3500 < refusal.retry_after <= 3600
    await sql.execute(
        "UPDATE imports SET requested_at = requested_at - interval '61 minutes', "
        "begun_at = begun_at - interval '61 minutes' WHERE import_id = $1",
        OTHERS[0],
    )
    await taken(store, OTHERS[3], per_hour=3)


@EVERY_WAY
async def test_limits_hold_for_those_who_ask_at_once(store: Store, sql: asyncpg.Connection) -> None:
    answers = await asyncio.gather(*(asked(store, other, at_once=3) for other in OTHERS))
    assert sum(isinstance(each, AcceptedRun) for each in answers) == 3
    assert await count(sql) == 3


async def test_someone_without_sections_is_owed_some_where_the_app_shows_them(
    store: Store, sql: asyncpg.Connection
) -> None:
    quick = quick_id(IMPORT)
    assert (await taken(store, quick_id=quick)).quick is None
    await sql.execute("DELETE FROM imports")
    run = await taken(store, quick_id=quick, profile_format="app")
    assert run.quick is not None
    assert (run.quick.import_id, run.quick.run) == (quick, 1)
    (beside,) = await store.list_runs(quick)
    assert (beside.kind, beside.pipeline, beside.parent_id) == (RunKind.QUICK, "v1", IMPORT)
    again = await taken(store, quick_id=quick, profile_format="app")
    assert again.resumed
    assert again.quick == run.quick  # it was not begun yet: both are offered again
    assert await count(sql) == 2
    assert (await taken(store, OTHERS[0], quick_id=quick_id(OTHERS[0]), pipeline="v1")).quick is None


async def test_who_has_sections_is_owed_none(store: Store) -> None:
    await begin_run(store, IMPORT, ANNA, SOURCE, "v2")
    assert await commit(store, memory_of()) == Commit(True, None)
    other = OTHERS[0]
    assert (await taken(store, other, quick_id=quick_id(other), profile_format="app")).quick is None


@EVERY_WAY
async def test_who_got_sections_meanwhile_is_given_no_first_ones(
    store: Store, sql: asyncpg.Connection
) -> None:
    quick = quick_id(IMPORT)
    await taken(store, quick_id=quick, profile_format="app")
    await store.update_user_profile(ANNA, {"soul_md": "of another import"})
    event = event_of(kind=RunKind.QUICK)
    assert (await store.take_run(event, "v1", "builtin", profile_format="app")).refusal == "cancelled"
    (row,) = await store.list_runs(quick)
    assert (row.state, row.error) == (
        "cancelled",
        {"step": "take_run", "message": "sections are served already"},
    )


async def test_an_event_that_is_not_taken_is_owed_no_first_sections(
    store: Store, sql: asyncpg.Connection
) -> None:
    await taken(store)
    await store.cancel_run(IMPORT, 1)
    await taken(store)
    for user_id, run in ((BORIS, 1), (BORIS, 3), (BORIS, 2)):
        event = event_of(run, user_id=user_id)
        assert (await store.route_import(event, "v2", "app", quick_id(IMPORT))).quick is None
    await sql.execute("DELETE FROM imports WHERE run = 1")
    assert (await store.route_import(event_of(), "v2", "app", quick_id(IMPORT))).quick is None, "older"
    owed = await store.route_import(event_of(3), "v2", "app", quick_id(IMPORT))
    assert owed.quick is not None
    assert await count(sql, "kind = 'quick'") == 1


@EVERY_WAY
async def test_the_log_is_offered_what_it_was_not(store: Store, sql: asyncpg.Connection) -> None:
    for other in OTHERS[:3]:
        await taken(store, other)
    await store.note_offered([RunKey(OTHERS[0], 1)])
    assert await store.take_unoffered(5, LEASE, 10) == []  # whoever took them offers them at this moment
    await sql.execute("UPDATE imports SET begun_at = begun_at - interval '6 seconds'")
    halves = await asyncio.gather(*(store.take_unoffered(5, LEASE, 1) for _ in range(4)))
    assert sorted(run.import_id for half in halves for run in half) == sorted(OTHERS[1:3])
    assert await store.take_unoffered(5, LEASE, 10) == []
    await sql.execute("UPDATE imports SET relay_until = now() - interval '1 second'")
    assert len(await store.take_unoffered(5, LEASE, 10)) == 2
    await store.note_offered([RunKey(other, 1) for other in OTHERS])
    await sql.execute("UPDATE imports SET relay_until = now() - interval '1 second'")
    assert await store.take_unoffered(5, LEASE, 10) == []


async def test_what_one_process_runs_is_offered_to_no_log(store: Store, sql: asyncpg.Connection) -> None:
    await taken(store, on_log=False)
    await sql.execute("UPDATE imports SET begun_at = begun_at - interval '1 hour'")
    assert await store.take_unoffered(5, LEASE, 10) == []


@EVERY_WAY
async def test_what_a_log_that_is_gone_was_offered_is_offered_again(
    store: Store, sql: asyncpg.Connection
) -> None:
    for other in OTHERS[:4]:
        await taken(store, other)
    await store.note_offered([RunKey(OTHERS[0], 1), RunKey(OTHERS[1], 1)])
    await sql.execute("UPDATE imports SET begun_at = begun_at - interval '6 seconds'")
    assert len(await store.take_unoffered(5, LEASE, 1)) == 1  # and whoever took it is killed
    await sql.execute("UPDATE imports SET state = 'chunking' WHERE import_id = $1", OTHERS[1])
    await store.forget_offers()
    found = await store.take_unoffered(5, LEASE, 10)
    assert {run.import_id for run in found} == {OTHERS[0], *OTHERS[2:4]}, "but for the one that was begun"


async def test_what_is_accepted_outlives_the_machine_where_the_database_answers_before_it_writes(
    sql: asyncpg.Connection,
) -> None:
    asked_for = f'{{"import_id": "{IMPORT}", "user_id": "{ANNA}", "source": "{SOURCE}", "served": "v2"}}'
    for before, within in (("off", "on"), ("local", "local")):
        async with sql.transaction():
            await sql.execute(f"SET LOCAL synchronous_commit = {before}")
            await sql.execute("SELECT accept_import($1)", asked_for)
            assert await sql.fetchval("SHOW synchronous_commit") == within
