"""Replays, and runs that are opened again, among what else may happen to their imports."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from shared.domain.events import Coverage, FactCounts, Usage
from shared.domain.ids import quick_id, shadow_id
from shared.store.accepting import AcceptedRun
from shared.store.chunks import ReadAccount
from shared.store.dead_letters import Requeue
from shared.store.feeding import OnLog
from shared.store.store import Store
from tests.support import kinds
from tests.support.kinds import BEGAN, event_of, fail
from tests.support.letters import letter_of, record_letters
from tests.support.lineages import import_named, imported, known
from tests.support.records import ANNA, IMPORT, memory_of
from tests.support.replays import (
    DEAD,
    OK,
    Item,
    base,
    begun,
    drive,
    end,
    planned,
    read_again,
    record,
    refused,
    run_event,
    states,
)

ACCOUNT = [ReadAccount("chatgpt", "acc", "h", conversations=1, messages=2, chunks=2)]


async def whole_profile(sql: asyncpg.Connection) -> dict[str, object]:
    row = await sql.fetchrow("SELECT * FROM user_profiles")
    assert row is not None
    return dict(row)


async def opened_again(store: Store, *, form: str = "markdown") -> None:
    """A complete run, of which one dead chunk of two was requeued."""
    await base(store, chunks=[(OK, ("a",)), (DEAD, ())], form=form)
    letter = letter_of(0, import_id=IMPORT, user_id=ANNA, run=1)
    await record_letters(store, [letter])
    taken = Requeue(id=letter.id, import_id=IMPORT, user_id=ANNA, run=1, index=1)
    assert await store.take_dead_letters([taken]) == []


@pytest.mark.parametrize("status", ["complete", "failed"])
async def test_the_app_shows_no_cost_of_a_replay_that_came_to_nothing(
    store: Store, sql: asyncpg.Connection, status: str
) -> None:
    await base(store, chunks=[(OK, tuple("abcdefghij"))], form="app")
    before = await whole_profile(sql)
    run = await begun(store, sql, stage="facts")
    await read_again(store, run, {0: (OK, ("a",))}, form="app")
    ended = await end(store, run, form="app", status=status, usage=Usage(calls=9, cost=99.0))
    assert ended == ("held" if status == "complete" else "failed")
    assert await whole_profile(sql) == before


async def test_what_was_imported_at_the_same_moment_stays_newer(
    store: Store, sql: asyncpg.Connection
) -> None:
    """Where the database's clock was set back, what is asked for next is asked for at the same moment."""
    same = BEGAN + timedelta(seconds=1)
    await base(store, chunks=[(OK, ("a",)), (DEAD, ())], accounts=ACCOUNT)
    later = event_of(import_id=import_named("later"), requested_at=same)
    await base(store, later, accounts=ACCOUNT)
    await sql.execute("UPDATE imports SET requested_at = $1", same)
    assert await refused(store, sql, stage="facts", which=("dead",)) == "newer"
    again = await begun(store, sql, Item(later.import_id), stage="memory")
    assert await end(store, again) is None


async def test_a_hundred_replays_of_replays_move_no_import_past_the_next(
    store: Store, sql: asyncpg.Connection
) -> None:
    first = await base(store, chunks=[(OK, ("a",))])
    for number in range(2, 12):
        run = await begun(store, sql, Item(base_run=number - 1))
        assert run.run == number
        assert await end(store, run) is None
    moved = await sql.fetchval("SELECT max(requested_at) - min(requested_at) FROM imports")
    assert moved == timedelta(microseconds=1)
    assert first.run == 1


async def test_a_replay_is_held_to_what_its_own_lineage_lost(store: Store, sql: asyncpg.Connection) -> None:
    """What another account gained meanwhile makes up for nothing."""
    await base(store, chunks=[(OK, tuple("abcdefghij"))], accounts=ACCOUNT)
    other = known("claude", "two", conversations=40)
    await imported(store, "other", (other, [f"c{n}" for n in range(40)]))
    run = await begun(store, sql, stage="facts")
    await read_again(store, run, {0: (OK, ("a",))})
    assert await end(store, run) == "held"


async def test_what_another_account_lost_meanwhile_holds_no_replay(
    store: Store, sql: asyncpg.Connection
) -> None:
    other = known("claude", "two", conversations=40)
    await imported(
        store, "other", (other, [f"c{n}" for n in range(40)]), requested_at=BEGAN - timedelta(hours=1)
    )
    await base(store, chunks=[(OK, tuple("abcdefghij"))], accounts=ACCOUNT)
    assert (
        await sql.fetchval("SELECT fact_counts ->> 'kept' FROM imports WHERE import_id = $1", IMPORT) == "50"
    )
    await imported(store, "fewer", (other, ["c1"]), replace=True)
    run = await begun(store, sql, stage="memory")
    assert await end(store, run) is None


async def test_a_run_opened_again_that_fails_at_its_memory_is_as_it_was(
    store: Store, sql: asyncpg.Connection
) -> None:
    await opened_again(store)
    await record(store, event_of(), 1, status=DEAD)
    assert await end(store, event_of(), status="failed") == "failed"
    run = await store.read_run(IMPORT, 1)
    assert run is not None
    assert (run.state, run.coverage, run.error) == ("complete", 0.5, None)
    assert (await whole_profile(sql))["full_pass_status"] == "complete"
    assert await sql.fetchval("SELECT fact_counts ->> 'kept' FROM imports") == "1"


async def test_a_run_opened_again_that_is_cancelled_is_as_it_was(
    store: Store, sql: asyncpg.Connection
) -> None:
    await opened_again(store, form="app")
    before = await whole_profile(sql)
    assert await store.cancel_run(IMPORT, 1)
    run = await store.read_run(IMPORT, 1)
    assert run is not None
    assert (run.state, run.coverage, run.chunks_dead) == ("complete", 0.5, 1)
    now = await whole_profile(sql)
    assert {name for name in before if before[name] != now[name]} <= {"updated_at", "full_pass_completed_at"}
    assert not await store.cancel_run(IMPORT, 1)


async def test_a_request_for_a_run_opened_again_gets_a_run_of_its_own(
    store: Store, sql: asyncpg.Connection
) -> None:
    await opened_again(store, form="app")
    asked = await kinds.request(store, "v2", per_hour=9, at_once=1)
    assert isinstance(asked, AcceptedRun)
    assert (asked.run, asked.resumed) == (2, False)
    assert (await kinds.take(store, event_of(2))).refusal is None
    assert await kinds.runs_of(sql) == [(1, "primary", "v2", "complete"), (2, "primary", "v2", "chunking")]


async def test_a_run_opened_again_in_vain_keeps_what_it_joined(store: Store, sql: asyncpg.Connection) -> None:
    other = known("claude", "two")
    await imported(store, "other", (other, ["c1", "c2"]), requested_at=BEGAN - timedelta(hours=1))
    await base(store, chunks=[(OK, ("a",)), (DEAD, ())], accounts=ACCOUNT)
    facts = await sql.fetch(
        "SELECT fact_id, account, status FROM facts WHERE import_id = $1 ORDER BY 1, 2", IMPORT
    )
    assert len(facts) == 3
    joined = await sql.fetchval("SELECT joined FROM imports WHERE import_id = $1", IMPORT)
    letter = letter_of(0, import_id=IMPORT, user_id=ANNA, run=1)
    await record_letters(store, [letter])
    taken = Requeue(id=letter.id, import_id=IMPORT, user_id=ANNA, run=1, index=1)
    assert await store.take_dead_letters([taken]) == []
    assert await fail(store, event_of())
    now = await sql.fetch(
        "SELECT fact_id, account, status FROM facts WHERE import_id = $1 ORDER BY 1, 2", IMPORT
    )
    assert now == facts
    assert await sql.fetchval("SELECT joined FROM imports WHERE import_id = $1", IMPORT) == joined


async def test_a_clock_that_was_set_back_stops_no_replay(store: Store, sql: asyncpg.Connection) -> None:
    await base(store)
    second = await base(store, event_of(import_id=import_named("b")))
    replay_id = await planned(sql, Item(), Item(second.import_id), rate=1000.0)
    await sql.execute("UPDATE replays SET resumed_at = now() + interval '1 day'")
    await sql.execute(
        "UPDATE replay_items SET state = 'done', run = 1, begun_at = now() + interval '1 day'"
        " WHERE position = 0"
    )
    assert len(await drive(store)) == 1
    assert [state for state, _ in await states(sql, replay_id)] == ["done", "begun"]


async def test_a_live_import_of_the_same_export_takes_over_at_every_step(
    store: Store, sql: asyncpg.Connection
) -> None:
    """A replay has its memory on the way when the import is asked for: the newer is served in the end."""
    await base(store, form="app")
    run = await begun(store, sql, stage="memory")
    claim = await store.claim_run(IMPORT, run.run, "me", 60)
    live = await kinds.request(store, "v2")
    assert live.run == 3
    made = memory_of(
        2,
        edition=claim.edition,
        coverage=Coverage(ok=2, dead=0, total=2),
        facts=FactCounts(extracted=3, kept=3),
    )
    assert (await store.commit_memory(made, documents=kinds.sections("2"), profile_format="app")).written
    await kinds.take(store, event_of(3))
    await kinds.extracted(store, event_of(3))
    assert await end(store, run_event(run)) == "repeated"
    assert (await kinds.commit(store, event_of(3), "live")).written
    assert "live" in str(await kinds.soul(sql))


async def test_embeddings_are_told_of_what_the_app_knows(store: Store, sql: asyncpg.Connection) -> None:
    await base(store, form="app")
    await store.tell_embeddings(ANNA)
    before = await whole_profile(sql)
    run = await begun(store, sql, stage="chunks")
    await read_again(store, run, {}, form="app")
    await store.tell_embeddings(ANNA)
    assert await whole_profile(sql) == before


async def test_a_list_of_users_shows_no_replay_that_nobody_was_told_of(
    store: Store, sql: asyncpg.Connection
) -> None:
    await base(store)
    (before,) = await store.list_users(10)
    await begun(store, sql, stage="facts")
    assert await store.list_users(10) == [before]
    assert (before.runs, before.state) == (1, "complete")


async def test_a_replay_is_routed_nowhere(store: Store, sql: asyncpg.Connection) -> None:
    """Also where its event comes over the topic on which imports are decided."""
    await base(store, form="app")
    await store.change_policy({"share": 0, "shadow": 10_000}, by="a", reason="b")
    run = await begun(store, sql, stage="facts")
    routed = await store.route_import(run_event(run), "v2", "app", quick_id(IMPORT), shadow_id(IMPORT, "v2"))
    assert (routed.pipeline, routed.quick, routed.shadow) == ("v2", None, None)
    assert await sql.fetchval("SELECT count(*) FROM routing_decisions WHERE run = 2") == 0
    assert await kinds.runs_of(sql) == [(1, "primary", "v2", "complete"), (2, "primary", "v2", "received")]


@pytest.mark.parametrize("stage", ["memory", "facts"])
async def test_a_pipeline_is_fed_from_what_was_asked_for(
    store: Store, sql: asyncpg.Connection, stage: str
) -> None:
    first = await base(store)
    run = await begun(store, sql, stage=stage)
    runs = [OnLog(IMPORT, each.run, ANNA, shadow_id(IMPORT, "v3")) for each in (first, run)]
    fed = await store.feed_runs("v3", runs, at_once=9, most=9)
    assert [each.outcome for each in fed.answers] == ["fed", "other"]
