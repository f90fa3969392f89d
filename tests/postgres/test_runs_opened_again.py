"""Complete runs that are opened again, since chunks of them were requeued: they end complete anyway."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from shared.store.accepting import AcceptedRun
from shared.store.chunks import ReadAccount
from shared.store.dead_letters import Requeue
from shared.store.store import Store
from tests.support import kinds
from tests.support.kinds import BEGAN, event_of, fail
from tests.support.letters import letter_of, record_letters
from tests.support.lineages import imported, known
from tests.support.records import ANNA, IMPORT, fact_of
from tests.support.replays import (
    DEAD,
    OK,
    base,
    begun,
    end,
    read_again,
    record,
    refused,
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


async def test_one_that_fails_at_its_memory_is_as_it_was(store: Store, sql: asyncpg.Connection) -> None:
    await opened_again(store)
    await record(store, event_of(), 1, status=DEAD)
    assert await end(store, event_of(), status="failed") == "failed"
    run = await store.read_run(IMPORT, 1)
    assert run is not None
    assert (run.state, run.coverage, run.error) == ("complete", 0.5, None)
    assert (await whole_profile(sql))["full_pass_status"] == "complete"
    assert await sql.fetchval("SELECT fact_counts ->> 'kept' FROM imports") == "1"


async def test_one_that_is_cancelled_is_as_it_was(store: Store, sql: asyncpg.Connection) -> None:
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


async def test_one_in_vain_keeps_what_it_joined(store: Store, sql: asyncpg.Connection) -> None:
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


async def test_what_services_wrote_down_they_cannot_change(store: Store, sql: asyncpg.Connection) -> None:
    await store.note_audit("anna", "dead show --text", "x")
    await sql.execute("SET ROLE service_role")
    for change in ("UPDATE audit SET who = 'b'", "DELETE FROM audit", "TRUNCATE audit"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await sql.execute(change)
    await sql.execute("RESET ROLE")
    assert [each.who for each in await store.read_audit("x")] == ["anna"]


async def test_a_replay_that_is_served_is_opened_again_for_its_dead_chunk(
    store: Store, sql: asyncpg.Connection
) -> None:
    await base(store, chunks=[(OK, ("a",)), (OK, ("b",))], form="app")
    run = await begun(store, sql, stage="facts", serve_anyway=True)
    await read_again(store, run, {0: (OK, ("a",)), 1: (DEAD, ())}, form="app")
    assert await end(store, run, form="app") is None
    before = await whole_profile(sql)
    letter = letter_of(0, import_id=IMPORT, user_id=ANNA, run=2)
    await record_letters(store, [letter])
    taken = Requeue(id=letter.id, import_id=IMPORT, user_id=ANNA, run=2, index=1)
    assert await store.take_dead_letters([taken]) == []
    assert await whole_profile(sql) == before
    assert await refused(store, sql, stage="facts") == "running"
    await store.recall_runs("rolled back", 10)
    ended = await store.read_run(IMPORT, 2)
    assert ended is not None
    assert (ended.state, ended.coverage) == ("complete", 0.5), "it is served: it must not end cancelled"
    assert await store.take_dead_letters([taken]) == []
    await record(store, run, 1, [fact_of("b")])
    assert await end(store, run, form="app") is None
    assert (await whole_profile(sql))["run"] == 2
