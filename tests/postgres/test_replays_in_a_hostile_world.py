"""Replays, and runs that are opened again, among what else may happen to their imports."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import asyncpg
import orjson
import pytest

from shared.domain.events import Coverage, FactCounts, Usage
from shared.domain.ids import quick_id, shadow_id
from shared.store.chunks import Chunking, ReadAccount
from shared.store.feeding import OnLog
from shared.store.store import Store
from tests.support import kinds
from tests.support.kinds import BEGAN, event_of
from tests.support.lineages import import_named, imported, known
from tests.support.records import ANNA, IMPORT, fact_of, memory_of
from tests.support.replays import (
    DEAD,
    DRIVER,
    OK,
    OWNER,
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


async def test_replays_of_replays_move_no_import_past_the_next(store: Store, sql: asyncpg.Connection) -> None:
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


@pytest.mark.parametrize("which", ["dead", "all"])
async def test_what_a_run_takes_over_is_read_once_while_nothing_is_analysed(
    store: Store, sql: asyncpg.Connection, which: str
) -> None:
    """Else half an hour goes by for 100,000 facts."""
    chunks, facts = 1000, 4000
    await base(store, chunks=[(OK, ("a",)), (DEAD, ())])
    await sql.execute(
        "INSERT INTO chunk_results (import_id, run, chunk_index, chunk_id, user_id, content_hash, status)"
        " SELECT $1, 1, k, gen_random_uuid(), $2, '', 'ok' FROM generate_series(2, $3) k",
        IMPORT, ANNA, chunks - 1,
    )  # fmt: skip
    await sql.execute(
        "INSERT INTO facts (import_id, run, fact_id, account, user_id, category, matter, statement, quote,"
        " message_ids, conversation_id, stated_at, confidence, source_kind, chunk_index)"
        " SELECT import_id, run, gen_random_uuid(), 0, user_id, category, matter, statement, quote,"
        " message_ids, conversation_id, stated_at, confidence, source_kind, 2 + k % ($2 - 2)"
        " FROM facts, generate_series(1, $3) k WHERE import_id = $1",
        IMPORT, chunks, facts,
    )  # fmt: skip
    # of as many chunks as there are results, or of as many more without any
    total = chunks * (2 if which == "dead" else 1)
    await sql.execute("UPDATE imports SET chunks_total = $1, chunks_ok = $2", total, chunks - 1)
    await planned(sql, Item(), which=(which,), stage="facts" if which == "dead" else "memory")
    assert await store.take_lease(DRIVER, OWNER, 60)
    async with sql.transaction():
        step = orjson.loads(await sql.fetchval("SELECT advance_replays($1)", f'{{"owner": "{OWNER}"}}'))
        read = await sql.fetchval(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables"
            " WHERE relname = 'chunk_results'"
        )
    assert step["begun"] is not None
    assert read < 10 * (facts + total)
    assert await sql.fetchval("SELECT count(*) FROM chunk_results WHERE run = 2") == total - (which == "dead")


async def test_two_replays_of_a_persons_accounts_at_once_lose_neither(
    store: Store, sql: asyncpg.Connection
) -> None:
    one, two = known("chatgpt", "one"), known("claude", "two")
    await base(store, chunks=[(OK, ("a", "b"))], accounts=[one])
    later = event_of(import_id=import_named("later"), requested_at=BEGAN + timedelta(minutes=5))
    await base(store, later, chunks=[(OK, ("x", "y"))], accounts=[two])
    await planned(sql, Item())
    await planned(sql, Item(later.import_id))
    first, second = await drive(store)
    claims = [await store.claim_run(run.import_id, 2, "me", 60) for run in (first, second)]
    assert all(claim.claimed for claim in claims)
    outcomes = [await end(store, run) for run in (second, first) * 3]
    assert outcomes[0] is None
    assert outcomes.count(None) == 2
    served = await sql.fetchrow("SELECT memory_import_id, memory_run FROM served_memories")
    facts = await store.read_facts(UUID(str(served["memory_import_id"])), served["memory_run"])
    assert sorted(fact.statement[16:-1] for fact in facts) == ["a", "b", "x", "y"]


async def test_chunks_are_looked_for_where_they_were_written(store: Store, sql: asyncpg.Connection) -> None:
    """Replays of memories wrote none, and what was read before an export was cut anew are others."""
    await base(store, chunks=[(OK, ("a",))])
    for number in range(2, 12):
        assert await end(store, await begun(store, sql, Item(base_run=number - 1))) is None
    run = await begun(store, sql, Item(base_run=11), stage="facts")
    taken = await kinds.take(store, run_event(run))
    assert taken.replay is not None
    assert [each.run for each in taken.replay.written] == [1]
    await record(store, run, 0, [fact_of("a")])
    assert await end(store, run) is None
    cut = await begun(store, sql, Item(base_run=12), stage="chunks")
    await read_again(store, cut, {0: (OK, ("a",))})
    await store.finish_chunking(IMPORT, 13, Chunking(1))
    assert await end(store, cut) is None
    last = await begun(store, sql, Item(base_run=13), stage="facts")
    taken = await kinds.take(store, run_event(last))
    assert taken.replay is not None
    assert [each.run for each in taken.replay.written] == [13]
