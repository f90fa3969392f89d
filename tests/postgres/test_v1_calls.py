"""Sections on their way, and the calls of a predecessor: once each, so many at a time, ended as it says."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.domain.events import Coverage, FactCounts, ImportReceived, MemoryReady, Sections, Usage
from shared.domain.runs import RunKey, RunKind
from shared.store.store import Store
from shared.store.v1_calls import V1Call
from tests.postgres.conftest import EVERY_WAY
from tests.support.kinds import commit, event_of, extracted, fail, full_pass, page, posted, take
from tests.support.records import ANNA

LATEST = 2 * 3600.0
MAIN = event_of()


async def begun(store: Store, user_id: UUID | None = None, run: int = 1, **more: Any) -> ImportReceived:
    """A run of v1 that quickpass has taken."""
    event = ImportReceived(
        import_id=uuid4(),
        user_id=user_id or uuid4(),
        run=run,
        source="imports/a.zip",
        requested_at=datetime.now(UTC),
        **more,
    )
    assert (await store.take_run(event, "v1", "http", profile_format="app")).refusal is None
    return event


async def owed(store: Store, user_id: UUID | None = None) -> ImportReceived:
    """One that is due at the predecessor."""
    event = await begun(store, user_id, conversation_count=3)
    assert await store.owe_v1_call(event.import_id, event.run, event.conversation_count)
    return event


async def taken(store: Store, at_once: int = 2) -> tuple[UUID, V1Call]:
    """The call that is due first, marked."""
    token = uuid4()
    call = await store.take_v1_call(token, at_once)
    assert call is not None
    return token, call


async def says(sql: asyncpg.Connection, user_id: UUID, **columns: str | None) -> None:
    """What the predecessor writes to a profile."""
    written = ", ".join(f"{name} = ${n}" for n, name in enumerate(columns, 2))
    await sql.execute(f"UPDATE user_profiles SET {written} WHERE user_id = $1", user_id, *columns.values())


async def state(store: Store, event: ImportReceived) -> str:
    (run,) = await store.list_runs(event.import_id)
    return run.state


async def outcomes(store: Store, seconds: float = LATEST) -> dict[UUID, str]:
    return {each.import_id: each.outcome for each in await store.watch_v1_calls(seconds)}


def memory(event: ImportReceived) -> MemoryReady:
    return MemoryReady(
        import_id=event.import_id,
        user_id=event.user_id,
        run=event.run,
        pipeline="v1",
        memory_md=None,
        sections=Sections(),
        coverage=Coverage(ok=0, dead=0, total=0),
        facts=FactCounts(),
        usage=Usage(calls=1),
    )


@EVERY_WAY
async def test_sections_are_kept_once_and_found_again(store: Store) -> None:
    event = await begun(store)
    key = RunKey(event.import_id, event.run)
    counts = {"conversations": {"kept": 7}, "messages": 9}
    assert await store.keep_sections(*key, memory(event), counts, [])
    assert not await store.keep_sections(*key, memory(event), counts, []), "the second maker's are not wanted"
    assert (await store.take_run(event, "v1", "http")).refusal == "extracted"
    assert await store.read_kept_memory(*key) == memory(event)
    assert await store.mark_published(*key)
    report = await store.read_run(*key)
    assert report is not None
    assert (report.state, report.counts) == ("consolidating", counts)


async def test_sections_of_a_run_that_ended_are_not_kept(store: Store) -> None:
    event = await begun(store)
    await store.cancel_run(event.import_id, event.run)
    assert not await store.keep_sections(event.import_id, event.run, memory(event), {}, [])
    assert await store.read_kept_memory(event.import_id, event.run) is None


async def test_a_run_is_owed_once_and_not_when_it_has_ended(store: Store) -> None:
    event = await owed(store)
    assert not await store.owe_v1_call(event.import_id, event.run)
    ended = await begun(store)
    await store.cancel_run(ended.import_id, ended.run)
    assert not await store.owe_v1_call(ended.import_id, ended.run)
    assert await store.has_v1_calls()


async def test_a_fallback_is_called_for_with_what_was_asked_first(
    store: Store, sql: asyncpg.Connection
) -> None:
    event = await begun(store)
    await store.fail_run(event.import_id, event.run, step="v1", error="odd")
    asked = '{"conversation_count": 7, "message_count": 70}'
    await sql.execute("UPDATE imports SET asked = $2 WHERE import_id = $1", event.import_id, asked)
    again = event.model_copy(update={"run": 2})
    await store.take_run(again, "v1", "http")
    assert await store.owe_v1_call(again.import_id, again.run)
    _, call = await taken(store)
    assert (call.run, call.conversation_count, call.message_count) == (2, 7, 70)


@EVERY_WAY
async def test_so_many_at_a_time_whoever_asks(store: Store) -> None:
    events = [await owed(store) for _ in range(5)]
    asked = await asyncio.gather(*(store.take_v1_call(uuid4(), 2) for _ in range(8)))
    first = [call for call in asked if call is not None]
    assert len(first) == 2
    assert {call.import_id for call in first} == {event.import_id for event in events[:2]}, "first come"
    assert (first[0].source, first[0].conversation_count) == ("imports/a.zip", 3)


async def test_a_lost_answer_may_be_asked_for_again_and_a_settled_one_not(store: Store) -> None:
    await owed(store)
    token, call = await taken(store)
    assert await store.take_v1_call(token, 2) == call
    assert await store.settle_v1_call(token, "accepted", most=3) == "posted"
    assert await store.settle_v1_call(token, "accepted", most=3) is None
    assert await store.take_v1_call(token, 2) is None
    assert await store.take_v1_call(uuid4(), 2) is None, "it is never called for again"


async def test_one_that_was_surely_not_taken_is_called_for_three_times(
    store: Store, sql: asyncpg.Connection
) -> None:
    event = await owed(store)
    for attempt in (1, 2, 3):
        token, call = await taken(store)
        assert call.attempt == attempt
        told = await store.settle_v1_call(token, "again", "it answered 503", most=3)
        assert told == ("due" if attempt < 3 else "failed")
    (run,) = await store.list_runs(event.import_id)
    assert (run.state, run.error) == ("failed", {"step": "v1", "message": "it answered 503"})
    profile = await store.read_profile(event.user_id)
    assert profile is not None
    assert (profile.full_pass_status, profile.full_pass_error) == ("failed", "it answered 503")
    versions = "SELECT count(*) FROM profile_versions WHERE user_id = $1"
    assert await sql.fetchval(versions, event.user_id) == 0, "there was nothing to keep"


async def test_what_the_profile_held_is_kept_before_the_call(store: Store, sql: asyncpg.Connection) -> None:
    user = uuid4()
    await store.update_user_profile(user, {"soul_md": "mine", "memory_md": "a memory"})
    await owed(store, user)
    await taken(store)
    kept = await sql.fetch("SELECT soul_md, memory_md FROM profile_versions WHERE user_id = $1", user)
    assert [tuple(row) for row in kept] == [("mine", "a memory")]


@pytest.mark.parametrize(
    ("written", "outcome"),
    [
        ({"full_pass_status": "complete"}, "complete"),
        ({"import_status": "complete"}, "complete"),
        ({"import_status": "failed", "import_error": "its words"}, "failed"),
        ({"full_pass_status": "failed", "full_pass_error": "its words"}, "failed"),
        ({"full_pass_status": "processing", "import_status": "complete"}, None),
        ({"import_status": "quick_ready"}, None),
    ],
)
async def test_the_profile_says_how_it_ended(
    store: Store, sql: asyncpg.Connection, written: dict[str, str], outcome: str | None
) -> None:
    user = uuid4()
    await store.update_user_profile(user, {"full_pass_status": "complete"})  # of an earlier time
    event = await owed(store, user)
    await says(sql, user, full_pass_status="complete")
    token, _ = await taken(store)
    assert await outcomes(store) == {}, "what it said before the call is no end"
    await store.settle_v1_call(token, "accepted", most=3)
    await says(sql, user, **written)
    ended = {} if outcome is None else {event.import_id: outcome}
    assert await outcomes(store) == ended
    assert await outcomes(store) == {}
    assert await state(store, event) == (outcome or "chunking")
    if outcome == "failed":
        profile = await sql.fetchrow("SELECT * FROM user_profiles WHERE user_id = $1", user)
        assert profile is not None
        assert "its words" in (profile["full_pass_error"], profile["import_error"])


async def test_its_sections_are_what_is_served_then(store: Store, sql: asyncpg.Connection) -> None:
    event = await owed(store)
    await taken(store)
    await says(
        sql, event.user_id, full_pass_status="complete", soul_md='{"vibe":"calm"}', memory_md="its own"
    )
    assert await outcomes(store) == {event.import_id: "complete"}
    profile = await store.read_profile(event.user_id)
    assert profile is not None
    assert (profile.import_id, profile.run, profile.pipeline) == (event.import_id, 1, "v1")
    assert profile.memory_import_id is None, "no facts of ours stand behind that MEMORY"
    assert profile.documents["app"] == {"soul": '{"vibe":"calm"}'}
    assert profile.memory_md == "its own"


async def test_without_an_end_it_has_failed_and_its_place_is_free(
    store: Store, sql: asyncpg.Connection
) -> None:
    events = [await owed(store) for _ in range(2)]
    await taken(store, at_once=1)
    assert await store.take_v1_call(uuid4(), 1) is None
    await sql.execute("UPDATE v1_calls SET posted_at = now() - interval '121 minutes' WHERE state = 'posted'")
    assert await outcomes(store) == {events[0].import_id: "late"}
    assert await state(store, events[0]) == "failed"
    _, call = await taken(store, at_once=1)
    assert call.import_id == events[1].import_id


@EVERY_WAY
async def test_a_run_that_was_cancelled_is_neither_called_for_nor_watched(store: Store) -> None:
    due, posted = await owed(store), await owed(store)
    await store.cancel_run(due.import_id, due.run)
    _, call = await taken(store)
    assert call.import_id == posted.import_id
    await store.cancel_run(posted.import_id, posted.run)
    assert await outcomes(store) == {due.import_id: "dropped", posted.import_id: "dropped"}
    assert not await store.has_v1_calls()


async def test_what_was_served_meanwhile_stays_served(store: Store, sql: asyncpg.Connection) -> None:
    event = await owed(store)
    await taken(store)
    other = await begun(store, event.user_id)
    await store.commit_memory(memory(other), documents={"app": {"soul": "{}"}}, profile_format="app")
    await says(sql, event.user_id, full_pass_status="complete")
    assert await outcomes(store) == {event.import_id: "complete"}
    assert await state(store, event) == "unserved"
    profile = await store.read_profile(event.user_id)
    assert profile is not None
    assert profile.import_id == other.import_id


async def test_the_sweeper_leaves_alone_what_is_looked_after(store: Store, sql: asyncpg.Connection) -> None:
    event = await owed(store)
    await sql.execute("UPDATE imports SET updated_at = now() - interval '1 hour'")
    await outcomes(store)
    assert await store.find_stalled("v1", 60.0) == []
    await sql.execute("UPDATE imports SET updated_at = now() - interval '1 hour'")
    assert [run.import_id for run in await store.find_stalled("v1", 60.0)] == [event.import_id]


async def test_of_one_person_one_at_a_time(store: Store, sql: asyncpg.Connection) -> None:
    """Their profile is one: its end would be taken for that of both."""
    user = uuid4()
    first, second = await owed(store, user), await owed(store, user)
    await taken(store)
    assert await store.take_v1_call(uuid4(), 2) is None
    await says(sql, user, full_pass_status="complete", soul_md="first")
    assert await outcomes(store) == {first.import_id: "complete"}
    _, call = await taken(store)
    assert call.import_id == second.import_id
    assert await outcomes(store) == {}


@pytest.mark.parametrize("end", ["late", "complete"])
async def test_what_was_asked_for_since_speaks_for_itself(
    store: Store, sql: asyncpg.Connection, end: str
) -> None:
    await take(store, MAIN)
    await fail(store, MAIN)
    fallback = event_of(2, RunKind.FALLBACK)
    assert (await take(store, fallback, variant="http")).refusal is None
    await posted(store, fallback)
    again = event_of(3)
    await take(store, again)
    await extracted(store, again)
    assert (await commit(store, again)).written
    assert (await full_pass(sql))[0] == "pending", "while the predecessor has the word"
    if end == "complete":
        await says(sql, ANNA, full_pass_status="complete")
    assert await outcomes(store, 0.0 if end == "late" else LATEST) != {}
    assert await full_pass(sql) == ("complete", None, "ready")
    assert (await page(sql))[:2] == ("complete", "Complete")
