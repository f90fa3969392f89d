"""The run of one import of a replay: what it takes over from its base, and when there is none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from shared.domain.runs import RunKind
from shared.store.chunks import Chunking, ReadAccount
from shared.store.store import Store
from tests.support import kinds
from tests.support.kinds import event_of, fail, request, take
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
    refused,
    run_event,
    states,
)

MIXED = ((OK, ("a", "b")), (DEAD, ("partly",)), None, (OK, ("c",)))
"""Of a base: a chunk that is read, one read in part, one without a result, one that is read."""


async def results(sql: asyncpg.Connection, run: int) -> list[tuple[Any, ...]]:
    rows = await sql.fetch(
        "SELECT chunk_index, fate_of(c), cached, tokens, usage FROM chunk_results c"
        " WHERE import_id = $1 AND run = $2 ORDER BY 1",
        IMPORT,
        run,
    )
    return [tuple(row) for row in rows]


async def test_memory_is_made_again_of_all_facts(store: Store, sql: asyncpg.Connection) -> None:
    await base(store)
    run = await begun(store, sql, stage="memory")
    assert (run.import_id, run.run, run.user_id, run.pipeline, run.ready) == (IMPORT, 2, ANNA, "v2", True)
    assert await results(sql, 2) == [(0, "ok", True, 10, None), (1, "ok", True, 10, None)]
    assert await facts_in(sql, 2) == ["a", "b", "c"]
    report = await store.read_run(IMPORT, 2)
    assert report is not None
    assert (report.state, report.chunks_ok, report.chunks_cached) == ("extracting", 2, 2)
    assert report.requested_at == event_of().requested_at + timedelta(microseconds=1)
    stalled = await store.find_stalled("v2", 60.0)
    assert [(each.key, each.action) for each in stalled] == [(run.key, "consolidate")]
    assert await store.take_unoffered(0.0, 30.0, 10) == [], "nothing is to be read"
    assert await end(store, run) is None
    assert await drive(store) == []


async def test_all_chunks_are_read_again_of_facts(store: Store, sql: asyncpg.Connection) -> None:
    await base(store, accounts=[ReadAccount("chatgpt", "acc", "h", conversations=1, messages=2, chunks=2)])
    run = await begun(store, sql, stage="facts")
    assert not run.ready
    assert await results(sql, 2) == []
    before, after = await store.read_run(IMPORT, 1), await store.read_run(IMPORT, 2)
    assert before is not None
    assert after is not None
    assert (after.chunks_total, after.chunked_at, after.accounts) == (2, before.chunked_at, before.accounts)
    (offer,) = await store.take_unoffered(0.0, 30.0, 10)
    assert (offer.import_id, offer.run, offer.priority, offer.pipeline) == (IMPORT, 2, "replay", "v2")
    taken = await take(store, run_event(run))
    assert taken.replay is not None
    assert (taken.replay.stage, taken.replay.base_run) == ("facts", 1)
    assert (await store.read_run(IMPORT, 2)).state == "extracting"  # type: ignore[union-attr]
    await read_again(store, run, {0: (OK, ("a",)), 1: (OK, ("c", "d"))})
    assert await end(store, run) is None
    assert await kinds.soul(sql) == "run 2"


async def test_the_export_is_read_again_of_chunks(store: Store, sql: asyncpg.Connection) -> None:
    await base(store)
    run = await begun(store, sql, stage="chunks")
    report = await store.read_run(IMPORT, 2)
    assert report is not None
    assert (report.state, report.chunks_total, report.variant) == ("received", None, "")
    taken = await take(store, run_event(run), variant="another")
    assert (taken.refusal, taken.variant) == (None, "another")
    for index in range(3):
        await record(store, run, index, [fact_of(f"n{index}")])
    await store.finish_chunking(IMPORT, 2, Chunking(3))
    assert await end(store, run) is None


@pytest.mark.parametrize(
    ("which", "kept", "taken_over"),
    [
        (("dead",), [(0, "ok"), (2, "missing"), (3, "ok")], ["a", "b", "c"]),
        (("missing",), [(0, "ok"), (1, "dead"), (3, "ok")], ["a", "b", "c", "partly"]),
        (("missing", "dead"), [(0, "ok"), (3, "ok")], ["a", "b", "c"]),
    ],
)
async def test_of_missing_and_dead_chunks_only_those_are_read(
    store: Store,
    sql: asyncpg.Connection,
    which: Sequence[str],
    kept: list[tuple[int, str]],
    taken_over: list[str],
) -> None:
    """The third chunk has no result: its run failed at a step that waits for none."""
    event = event_of()
    await take(store, event)
    for index, chunk in enumerate(MIXED):
        if chunk is not None:
            await record(store, event, index, [fact_of(name) for name in chunk[1]], status=chunk[0])
    await store.finish_chunking(IMPORT, 1, Chunking(4))
    await fail(store, event)
    run = await begun(store, sql, stage="facts", which=which)
    assert [(row[0], row[1]) for row in await results(sql, run.run)] == kept
    assert await facts_in(sql, run.run) == taken_over
    assert not run.ready
    left = set(range(4)) - {index for index, _ in kept}
    await read_again(store, run, dict.fromkeys(left, (OK, ("new",))))
    report = await store.read_run(IMPORT, run.run)
    assert report is not None
    assert report.chunks_ok == 2 + len(left)
    assert report.chunks_dead == 2 - len(left)
    if "dead" in which:
        assert "partly" not in await facts_in(sql, run.run)


async def test_what_was_missing_is_missing_still_after_the_dead_were_done(
    store: Store, sql: asyncpg.Connection
) -> None:
    """A replay of a replay."""
    event = event_of()
    await take(store, event)
    for index, chunk in enumerate(MIXED):
        if chunk is not None:
            await record(store, event, index, [fact_of(name) for name in chunk[1]], status=chunk[0])
    await store.finish_chunking(IMPORT, 1, Chunking(4))
    await fail(store, event)
    run = await begun(store, sql, stage="facts", which=("dead",))
    await read_again(store, run, {1: (OK, ("mended",))})
    assert await end(store, run) is None
    again = await begun(store, sql, Item(base_run=run.run), stage="facts", which=("missing",))
    assert [(row[0], row[1]) for row in await results(sql, again.run)] == [(0, "ok"), (1, "ok"), (3, "ok")]
    await read_again(store, again, {2: (OK, ("found",))})
    assert await end(store, again) is None
    assert await facts_in(sql, again.run) == ["a", "b", "c", "found", "mended"]
    nothing = await refused(store, sql, Item(base_run=again.run), stage="facts", which=("missing", "dead"))
    assert nothing == "nothing"


async def test_of_a_base_that_was_not_read_to_its_end_the_export_is_read_on(
    store: Store, sql: asyncpg.Connection
) -> None:
    event = event_of()
    await take(store, event)
    await record(store, event, 0, [fact_of("a")])
    await fail(store, event)
    assert await refused(store, sql, stage="facts") == "unread"
    assert await refused(store, sql, stage="facts", which=("dead",)) == "unread"
    assert await refused(store, sql, stage="memory") == "unread"
    run = await begun(store, sql, stage="facts", which=("missing",))
    taken = await take(store, run_event(run), variant="another")
    assert taken.variant == "a", "cut as before: what is read is not read again"
    assert (await store.read_run(IMPORT, run.run)).state == "chunking"  # type: ignore[union-attr]
    assert 0 in await store.recorded_chunks(IMPORT, run.run)
    await record(store, run, 1, [fact_of("b")])
    await store.finish_chunking(IMPORT, run.run, Chunking(2))
    assert await end(store, run) is None
    assert await facts_in(sql, run.run) == ["a", "b"]


async def test_why_an_import_is_not_done_again(store: Store, sql: asyncpg.Connection) -> None:
    assert await refused(store, sql) == "gone"
    await base(store)
    assert await refused(store, sql, Item(user_id=import_named("a stranger"))) == "gone"
    assert await refused(store, sql, Item(base_run=7)) == "gone"
    assert await refused(store, sql, stage="facts", which=("missing", "dead")) == "nothing"
    newer = event_of(2)
    await take(store, newer)
    assert await refused(store, sql) == "running"
    await store.cancel_run(IMPORT, 2)
    old = await planned(sql, Item(), state="planned")
    await base(store, event_of(3))
    await sql.execute("UPDATE replays SET state = 'running', started_at = now() WHERE id = $1", old)
    await drive(store)
    assert await states(sql, old) == [("skipped", "newer")]
    assert await refused(store, sql) == "newer", "though it was planned after that"
    await sql.execute("DELETE FROM imports")
    assert await refused(store, sql, Item(base_run=3)) == "gone"


@pytest.mark.parametrize("state", ["failed", "held"])
async def test_what_came_to_nothing_before_is_done_again_by_a_later_plan(
    store: Store, sql: asyncpg.Connection, state: str
) -> None:
    await base(store, chunks=[(OK, tuple("abcdefghij"))])
    at_once = await planned(sql, Item(), stage="facts", state="planned")
    run = await begun(store, sql, stage="facts")
    if state == "failed":
        await take(store, run_event(run))
        await fail(store, run_event(run))
    else:
        await read_again(store, run, {0: (OK, ("a",))})
        assert await end(store, run) == "held"
    await sql.execute("UPDATE replays SET state = 'running', started_at = now() WHERE id = $1", at_once)
    await drive(store)
    assert await states(sql, at_once) == [("skipped", "newer")], "another has done that import"
    assert (await begun(store, sql, stage="facts")).run == 3


async def test_a_request_meanwhile_takes_the_place_of_a_replay(store: Store, sql: asyncpg.Connection) -> None:
    await base(store)
    replay_id = await planned(sql, Item(), stage="facts")
    (run,) = await drive(store)
    await read_again(store, run, {0: (OK, ("a",))})
    asked = await request(store, "v2")
    assert (asked.run, asked.resumed) == (3, False)
    assert await drive(store) == []
    assert await states(sql, replay_id) == [("cancelled", "a newer run was asked for")]
    assert (await take(store, run_event(run))).refusal == "older"
    await base(store, event_of(3))
    assert await kinds.soul(sql) == "run 3"
    assert [row[3] for row in await kinds.runs_of(sql)] == ["complete", "cancelled", "complete"]


async def test_a_request_that_is_cancelled_again_leaves_no_replay_that_never_ends(
    store: Store, sql: asyncpg.Connection
) -> None:
    await base(store)
    replay_id = await planned(sql, Item(), stage="facts")
    await drive(store)
    asked = await request(store, "v2")
    await store.cancel_run(IMPORT, asked.run)
    await drive(store)
    assert await states(sql, replay_id) == [("cancelled", "a newer run was asked for")]
    assert (await begun(store, sql, stage="facts")).run == 4, "a cancelled run keeps nobody"


async def test_a_newer_run_of_v1_is_left_alone(store: Store, sql: asyncpg.Connection) -> None:
    await base(store)
    v1 = event_of(2)
    await take(store, v1, pipeline="v1")
    assert await refused(store, sql) == "running"
    await kinds.commit(store, v1, pipeline="v1")
    run = await begun(store, sql)
    assert run.run == 3
    assert (await store.read_run(IMPORT, 3)).kind is RunKind.PRIMARY  # type: ignore[union-attr]
