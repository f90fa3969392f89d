"""What is told of a replay, and when it is held: nothing before its memory is served."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import asyncpg
import pytest

from shared.store.chunks import ReadAccount
from shared.store.store import Store
from tests.support import kinds
from tests.support.kinds import BEGAN, event_of, fail
from tests.support.lineages import import_named
from tests.support.records import ANNA, IMPORT, fact_of
from tests.support.replays import (
    DEAD,
    OK,
    Item,
    base,
    begun,
    drive,
    end,
    facts_in,
    planned,
    read_again,
    record,
    run_event,
    states,
)


async def whole_profile(sql: asyncpg.Connection) -> Sequence[asyncpg.Record]:
    return await sql.fetch("SELECT * FROM user_profiles ORDER BY user_id")


@pytest.mark.parametrize("form", ["app", "markdown"])
@pytest.mark.parametrize("ends", ["done", "failed", "held", "cancelled"])
async def test_nothing_is_told_of_it_before_it_is_served(
    store: Store, sql: asyncpg.Connection, form: str, ends: str
) -> None:
    await base(store, chunks=[(OK, tuple("abcdefghij")), (OK, ("k",))], form=form)
    before, owed = await whole_profile(sql), await kinds.owed(sql)
    replay_id = await planned(sql, Item(), stage="facts")
    (run,) = await drive(store)
    assert await whole_profile(sql) == before
    assert await store.watch_runs([IMPORT]) != []
    await read_again(store, run, {0: (OK, ("a",))}, form=form)
    await store.update_progress(IMPORT, 2, 40.0, "chunking")
    await store.note_progress([run.key])
    assert await whole_profile(sql) == before
    (watched,) = await store.watch_runs([IMPORT])
    assert (watched.run, watched.state) == (1, "complete")
    found = await store.find_run(IMPORT, None, ANNA)
    assert found is not None
    assert found.run == 1
    assert [each.run for each in await store.page_runs(ANNA, None, 10)] == [1]
    if ends == "failed":
        await fail(store, run_event(run))
    elif ends == "cancelled":
        await store.cancel_run(IMPORT, 2)
    else:
        await record(store, run, 1, [fact_of(name) for name in ("k" if ends == "held" else "bcdefghijk")])
        assert await store.claim_run(IMPORT, 2, "me", 60)
        assert await whole_profile(sql) == before
        assert await end(store, run, form=form) == (None if ends == "done" else "held")
    await drive(store)
    assert [state for state, _ in await states(sql, replay_id)] == [ends]
    (profile,) = await whole_profile(sql)
    if ends == "done":
        assert await kinds.soul(sql) == "run 2"
        assert (profile["import_id"], profile["run"], profile["full_pass_status"]) == (IMPORT, 2, "complete")
        assert (await store.find_run(IMPORT, None, ANNA)).run == 2  # type: ignore[union-attr]
    else:
        assert [profile] == before
        assert await kinds.runs_of(sql) == [
            (1, "primary", "v2", "complete"),
            (2, "primary", "v2", "complete" if ends == "held" else ends),
        ], "and no fallback"
    assert await kinds.owed(sql) == owed, "nobody is told by mail that an import is done again"


async def test_a_held_memory_is_served_when_a_person_says_so(store: Store, sql: asyncpg.Connection) -> None:
    await base(store, chunks=[(OK, tuple("abcdefghij"))])
    replay_id = await planned(sql, Item(), stage="facts")
    (run,) = await drive(store)
    await read_again(store, run, {0: (OK, ("a",))})
    assert await end(store, run) == "held"
    await drive(store)
    progress = await store.read_replay_progress(replay_id)
    assert progress is not None
    assert progress.items == {"held": 1}
    assert [(each.state, each.why, each.run) for each in progress.shown] == [("held", "held", 2)]
    accepted = await store.accept_memory(IMPORT)
    assert (accepted.written, accepted.run) == (True, 2)
    assert await kinds.soul(sql) == "run 2"
    progress = await store.read_replay_progress(replay_id)
    assert progress is not None
    assert progress.items == {"done": 1}


async def test_coverage_that_falls_is_held_and_serve_anyway_serves_it(
    store: Store, sql: asyncpg.Connection
) -> None:
    chunks = [(OK, (f"f{n}",)) for n in range(10)]
    await base(store, chunks=chunks)
    run = await begun(store, sql, stage="facts")
    await read_again(store, run, {n: (OK if n < 7 else DEAD, (f"f{n}", f"g{n}")) for n in range(10)})
    assert await end(store, run) == "held"
    again = await begun(store, sql, stage="facts", serve_anyway=True)
    await read_again(store, again, {n: (OK if n < 7 else DEAD, (f"f{n}",)) for n in range(10)})
    assert await end(store, again) is None
    assert await kinds.soul(sql) == "run 3"


async def test_what_is_better_than_a_held_one_is_compared_with_what_is_served(
    store: Store, sql: asyncpg.Connection
) -> None:
    await base(store, chunks=[(OK, tuple("abcdefghij")), (OK, ("k",))])
    run = await begun(store, sql, stage="facts")
    await read_again(store, run, {0: (OK, ("a",)), 1: (DEAD, ())})
    assert await end(store, run) == "held"
    mended = await begun(store, sql, Item(base_run=2), stage="facts", which=("dead",))
    await read_again(store, mended, {1: (OK, ("k",))})
    assert await end(store, mended) == "held"


@pytest.mark.parametrize("form", ["app", "markdown"])
async def test_an_import_that_had_failed_is_complete_once_its_replay_is(
    store: Store, sql: asyncpg.Connection, form: str
) -> None:
    await base(store, chunks=[(OK, ("a",)), (DEAD, ())], status="failed", form=form)
    (profile,) = await whole_profile(sql)
    assert profile["full_pass_status"] == "failed"
    run = await begun(store, sql, stage="facts", which=("dead",))
    await read_again(store, run, {1: (OK, ("b",))}, form=form)
    assert (await whole_profile(sql)) == [profile]
    assert await end(store, run, form=form) is None
    (profile,) = await whole_profile(sql)
    assert (profile["full_pass_status"], profile["full_pass_error"]) == ("complete", None)
    if form == "app":
        assert await kinds.page(sql) == ("complete", "Complete", 100, None)
    assert await kinds.owed(sql) == [(IMPORT, "complete")], "it is news"


async def test_what_was_imported_later_stays_newer(store: Store, sql: asyncpg.Connection) -> None:
    """Two exports of one account: of the older one dead chunks are mended."""
    account = [ReadAccount("chatgpt", "acc", "h", conversations=1, messages=2, chunks=2)]
    await base(store, chunks=[(OK, ("a",)), (DEAD, ())], accounts=account)
    later = event_of(import_id=import_named("later"), requested_at=BEGAN + timedelta(minutes=5))
    await base(store, later, accounts=account)
    run = await begun(store, sql, stage="facts", which=("dead",))
    await read_again(store, run, {1: (OK, ("b",))})
    assert await end(store, run) == "older"
    (profile,) = await whole_profile(sql)
    assert (profile["import_id"], profile["run"]) == (later.import_id, 1)
    await drive(store)
    assert await sql.fetchval("SELECT state FROM replay_items") == "unserved"


async def test_of_two_accounts_each_is_replayed_by_itself(store: Store, sql: asyncpg.Connection) -> None:
    first = [ReadAccount("chatgpt", "one", "h1", conversations=1, messages=2, chunks=2)]
    second = [ReadAccount("claude", "two", "h2", conversations=1, messages=2, chunks=2)]
    await base(store, accounts=first, chunks=[(OK, ("a",)), (OK, ("b",))])
    later = event_of(import_id=import_named("later"), requested_at=BEGAN + timedelta(minutes=5))
    await base(store, later, accounts=second, chunks=[(OK, ("x",)), (OK, ("y",))])
    run = await begun(store, sql, stage="memory")
    assert await facts_in(sql, 2) == ["a", "b"], "what it joins is joined anew"
    assert await end(store, run) is None
    assert sorted(f.statement[16:-1] for f in await store.read_facts(IMPORT, 2)) == ["a", "b", "x", "y"]
    rows = await sql.fetch("SELECT lineage, import_id, run FROM lineages ORDER BY lineage")
    assert [tuple(row) for row in rows] == [("one", IMPORT, 2), ("two", later.import_id, 1)]
    (profile,) = await whole_profile(sql)
    assert profile["full_pass_status"] == "complete"
