"""Which runs a pipeline is fed: once each, so many at a time, and none that it should not have."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

import asyncpg

from shared.domain.ids import quick_id, shadow_id
from shared.domain.runs import RunKey, RunKind
from shared.store.feeding import Fed, Feeding, OnLog
from shared.store.store import Store
from tests.support.kinds import commit, event_of, extracted, fail, request, take
from tests.support.records import ANNA, BORIS, IMPORT, SEED

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def on_log(import_id: UUID = IMPORT, run: int = 1, user: UUID = ANNA, pipeline: str = "v3") -> OnLog:
    return OnLog(import_id, run, user, shadow_id(import_id, pipeline))


async def feed(store: Store, *runs: OnLog, at_once: int = 100, most: int = 100) -> Feeding:
    return await store.feed_runs("v3", runs, at_once=at_once, most=most)


async def outcome(store: Store, run: OnLog) -> str:
    (answer,) = (await feed(store, run)).answers
    assert (answer.run is not None) == (answer.outcome in ("fed", "owed"))
    return answer.outcome


async def many(store: Store, count: int) -> list[OnLog]:
    """So many imports of ANNA's."""
    imports = [uuid5(SEED, f"fed {number}") for number in range(count)]
    for each in imports:
        await request(store, "v2", each)
    return [on_log(each) for each in imports]


async def test_a_run_is_fed_once_as_the_database_has_it(store: Store, sql: asyncpg.Connection) -> None:
    asked = await request(store, "v2", asked={"conversation_count": 7, "message_count": None})
    fed = await feed(store, on_log(), on_log())
    assert (fed.unfinished, [each.outcome for each in fed.answers]) == (1, ["fed", "known"])
    run = fed.answers[0].run
    assert run is not None
    assert (run.import_id, run.run, run.user_id, run.parent_id) == (shadow_id(IMPORT, "v3"), 1, ANNA, IMPORT)
    assert (run.kind, run.priority, run.pipeline) == (RunKind.SHADOW, "replay", "v3")
    assert (run.requested_at, run.source, run.asked.conversation_count) == (asked.requested_at, "/a.zip", 7)
    assert (await feed(store, on_log())).answers == (Fed(outcome="known"),), "another has it in hand"
    assert await store.take_unoffered(0.0, 30.0, 10) != [], "the primary run's own event"
    await sql.execute("UPDATE imports SET relay_until = now() - interval '1 s' WHERE pipeline = 'v3'")
    assert await outcome(store, on_log()) == "owed", "who fed it is gone"
    await store.note_offered([RunKey(run.import_id, 1)])
    assert await outcome(store, on_log()) == "known"
    assert (
        await store.take_run(event_of(kind=RunKind.SHADOW, import_id=run.import_id), "v3", "a")
    ).refusal is None
    assert await store.count_fed("v3") == {"chunking": 1}
    assert await store.count_fed("v4") == {}


async def test_what_is_not_to_be_fed_is_left(store: Store, sql: asyncpg.Connection) -> None:
    await request(store, "v2")
    quick = event_of(kind=RunKind.QUICK)
    await take(store, quick)
    local, third, cancelled = (uuid5(SEED, name) for name in ("local", "third", "cancelled"))
    await store.accept_import(local, ANNA, "/a.zip", "v2", on_log=False)
    await request(store, "v3", third)
    await request(store, "v2", cancelled)
    await store.cancel_run(cancelled, 1)
    for run, why in (
        (on_log(uuid5(SEED, "never heard of")), "unknown"),
        (on_log(run=2), "unknown"),
        (on_log(run=2**31 - 1), "unknown"),
        (on_log(user=BORIS), "foreign"),
        (on_log(quick_id(IMPORT)), "other"),
        (on_log(local), "other"),
        (on_log(third), "other"),
        (on_log(cancelled), "cancelled"),
    ):
        assert await outcome(store, run) == why, run
    assert await store.count_fed("v3") == {}
    await sql.execute("DELETE FROM imports WHERE import_id = $1", IMPORT)
    assert await outcome(store, on_log()) == "unknown", "its user was deleted"


async def test_of_an_import_its_newest_run_is_fed(store: Store) -> None:
    await request(store, "v2")
    await take(store, event_of())
    assert await outcome(store, on_log()) == "fed"
    await fail(store, event_of(), at_fault=True)
    await request(store, "v2", again=True)
    assert [each.outcome for each in (await feed(store, on_log(), on_log(run=2))).answers] == ["known", "fed"]
    other = uuid5(SEED, "other")
    await request(store, "v2", other)
    await fail(store, event_of(of=other), at_fault=True)
    await request(store, "v2", other, again=True)
    assert await outcome(store, on_log(other)) == "older"
    await store.cancel_run(other, 2)
    assert await outcome(store, on_log(other)) == "fed", "what was cancelled is none"


async def test_an_import_of_a_shadow_run_that_is_anothers_is_left(
    store: Store, sql: asyncpg.Connection
) -> None:
    await request(store, "v2")
    forged = event_of(kind=RunKind.SHADOW, import_id=shadow_id(IMPORT, "v3"), user_id=BORIS)
    await store.take_run(forged, "v3", "a")
    assert await outcome(store, on_log()) == "foreign"
    await sql.execute("UPDATE imports SET user_id = $1, kind = 'primary' WHERE pipeline = 'v3'", ANNA)
    assert await outcome(store, on_log()) == "other"


async def test_no_more_are_under_way_than_was_asked_for_however_many_feed(store: Store) -> None:
    runs = await many(store, 12)
    first = await feed(store, *runs, at_once=5)
    assert (first.unfinished, [each.outcome for each in first.answers]) == (5, ["fed"] * 5)
    again = await feed(store, *runs, at_once=5)
    assert (again.unfinished, len(again.answers)) == (5, 5), "known, and then no room"
    assert (await feed(store, *runs[5:], at_once=100, most=2)).unfinished == 7
    assert (await feed(store, *runs[7:], at_once=3)).answers == ()
    ways = await asyncio.gather(*(feed(store, *runs, at_once=9) for _ in range(6)))
    found = Counter(each.outcome for way in ways for each in way.answers)
    assert found["fed"] == 2
    assert max(way.unfinished for way in ways) == 9
    await fail(store, event_of(kind=RunKind.SHADOW, import_id=runs[0].shadow_id))
    assert (await feed(store, *runs, at_once=9)).unfinished == 9
    assert await store.count_fed("v3") == {"failed": 1, "received": 9}


async def test_fed_runs_are_compared_with_what_they_were_fed_from_and_are_not_the_canarys(
    store: Store, sql: asyncpg.Connection
) -> None:
    await request(store, "v2")
    main = event_of()
    await take(store, main)
    await extracted(store, main)
    await commit(store, main)
    assert await outcome(store, on_log()) == "fed"
    beside = event_of(kind=RunKind.SHADOW, import_id=shadow_id(IMPORT, "v3"))
    assert await store.read_fed_pairs("v3", LONG_AGO) == []
    await store.take_run(beside, "v3", "a")
    await extracted(store, beside)
    before = await sql.fetch("SELECT * FROM user_profiles")
    assert (await commit(store, beside, pipeline="v3")).reason == "shadow"
    assert await sql.fetch("SELECT * FROM user_profiles") == before
    (pair,) = await store.read_fed_pairs("v3", LONG_AGO)
    assert (pair.import_id, pair.run, pair.user_id) == (IMPORT, 1, ANNA)
    assert (pair.v1.pipeline, pair.shadow.pipeline, pair.shadow.state) == ("v2", "v3", "complete")
    assert (pair.v1.sections, pair.shadow.sections) == (1, 1)
    assert pair.v1.memory_characters == pair.shadow.memory_characters == len("# Memory 1")
    assert await store.read_fed_pairs("v3", datetime.now(UTC) + timedelta(days=1)) == []
    assert await store.read_fed_pairs("v4", LONG_AGO) == []
    await sql.execute("UPDATE routing_decisions SET shadow = true")
    assert await store.read_pairs(LONG_AGO) == []


async def test_it_ends_with_the_run_that_it_was_fed_from_if_that_is_cancelled(store: Store) -> None:
    await request(store, "v2")
    await feed(store, on_log())
    await store.cancel_run(IMPORT, 1)
    assert await store.count_fed("v3") == {"cancelled": 1}


async def test_nothing_to_feed_is_fed(store: Store) -> None:
    assert await feed(store) == Feeding(unfinished=0, answers=())
