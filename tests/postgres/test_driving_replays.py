"""Replays that run: how many at a time, at which rate, what becomes of each import, and of two at once."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid5

import asyncpg

from shared.store.replaying import DRIVER
from shared.store.store import Store
from tests.support.kinds import event_of, fail, take
from tests.support.records import SEED
from tests.support.replays import (
    Item,
    bases,
    drive,
    ends,
    planned,
    read_again,
    record,
    replay_state,
    run_event,
    states,
)


async def test_few_are_under_way_and_fewer_while_people_wait(store: Store, sql: asyncpg.Connection) -> None:
    items = await bases(store, 14)
    replay_id = await planned(sql, *items)
    runs = await drive(store)
    assert [run.import_id for run in runs] == [item.import_id for item in items[:8]]
    live = event_of(import_id=uuid5(SEED, "live"), user_id=uuid5(SEED, "somebody"))
    await take(store, live)
    for run in runs[:6]:
        await ends(store, run)
    assert await drive(store) == []
    await ends(store, runs[6])
    assert len(await drive(store)) == 1
    await store.cancel_run(live.import_id, live.run)
    assert len(await drive(store)) == 5
    progress = await store.read_replay_progress(replay_id)
    assert progress is not None
    assert (progress.items, progress.settled, progress.total) == ({"done": 7, "begun": 7}, 7, 14)
    assert not progress.live


async def test_it_is_done_when_all_is_known(store: Store, sql: asyncpg.Connection) -> None:
    items = [*await bases(store, 3), Item(uuid5(SEED, "deleted"), uuid5(SEED, "gone"))]
    replay_id = await planned(sql, *items, stage="facts")
    runs = await drive(store)
    await ends(store, runs[0], 0.5)
    await take(store, run_event(runs[1]))
    await fail(store, run_event(runs[1]), "no such file")
    await record(store, runs[2], 0)
    await store.cancel_run(*runs[2].key)
    await drive(store)
    assert await states(sql, replay_id) == [
        ("done", None), ("failed", "no such file"), ("cancelled", None), ("skipped", "gone"),
    ]  # fmt: skip
    progress = await store.read_replay_progress(replay_id)
    assert progress is not None
    assert (progress.state, progress.failed_at, progress.skipped) == ("done", {"extracting": 1}, {"gone": 1})
    assert (progress.spent, progress.calls_made) == (0.5 + 0.25, 4), "what a cancelled one took counts, too"
    assert progress.ended_at is not None
    figures = await store.read_replay_figures()
    assert (figures.running, figures.paused, figures.items["failed"]) == (0, {}, 1)


async def test_a_run_that_is_deleted_meanwhile_keeps_nobody(store: Store, sql: asyncpg.Connection) -> None:
    replay_id = await planned(sql, *await bases(store, 1))
    (run,) = await drive(store)
    await sql.execute("DELETE FROM imports WHERE import_id = $1", run.import_id)
    await drive(store)
    assert await states(sql, replay_id) == [("cancelled", "gone")]
    assert await replay_state(sql, replay_id) == ("done", None)


async def test_whoever_has_no_lease_does_nothing(store: Store, sql: asyncpg.Connection) -> None:
    await planned(sql, *await bases(store, 1))
    assert not (await store.advance_replays("me")).leads
    assert await store.take_lease(DRIVER, "another", 60)
    assert not (await store.advance_replays("me")).leads
    assert not await store.take_lease(DRIVER, "me", 60)
    assert (await store.advance_replays("another")).begun is not None


async def test_two_that_drive_at_once_begin_each_import_once(store: Store, sql: asyncpg.Connection) -> None:
    replay_id = await planned(sql, *await bases(store, 8))
    found = await asyncio.gather(*(drive(store, "up") for _ in range(4)))
    assert sorted(run.import_id for runs in found for run in runs) == sorted(
        row[0]
        for row in await sql.fetch("SELECT import_id FROM replay_items WHERE replay_id = $1", replay_id)
    )
    assert await sql.fetchval("SELECT count(*) FROM imports WHERE replay_id = $1", replay_id) == 8


async def test_a_rate_is_kept(store: Store, sql: asyncpg.Connection) -> None:
    replay_id = await planned(sql, *await bases(store, 12), rate=2.0)
    assert len(await drive(store)) == 1
    ago = "UPDATE replays SET resumed_at = resumed_at - make_interval(secs => $1)"
    earlier = "UPDATE replay_items SET begun_at = begun_at - make_interval(secs => $1)"
    for seconds, more in ((31, 0), (30, 2), (20, 0), (39, 0), (2, 2)):
        await sql.execute(ago, float(seconds))
        await sql.execute(earlier, float(seconds))
        assert len(await drive(store)) == more, seconds
    await sql.execute(ago, 3600.0)
    await sql.execute(earlier, 3600.0)
    assert len(await drive(store)) == 2, "at most a minute's worth at once"
    assert (await replay_state(sql, replay_id))[0] == "running"


async def test_a_rate_below_one_a_minute_is_kept(store: Store, sql: asyncpg.Connection) -> None:
    await planned(sql, *await bases(store, 3), rate=0.5)
    assert len(await drive(store)) == 1
    await sql.execute("UPDATE replays SET resumed_at = resumed_at - interval '119 s'")
    await sql.execute("UPDATE replay_items SET begun_at = begun_at - interval '119 s'")
    assert await drive(store) == []
    await sql.execute("UPDATE replays SET resumed_at = resumed_at - interval '2 s'")
    await sql.execute("UPDATE replay_items SET begun_at = begun_at - interval '2 s'")
    assert len(await drive(store)) == 1


async def test_a_recall_ends_it_as_cancelled_and_gives_no_fallback(
    store: Store, sql: asyncpg.Connection
) -> None:
    replay_id = await planned(sql, *await bases(store, 1), stage="facts")
    (run,) = await drive(store)
    (row,) = await store.read_in_flight()
    assert (row.lane, row.kind, row.runs) == ("v2", "replay", 1)
    (recalled,) = await store.recall_runs("v2 fails")
    assert (recalled.import_id, recalled.run) == run.key
    await drive(store)
    assert await states(sql, replay_id) == [("cancelled", "v2 fails")]
    assert await sql.fetchval("SELECT count(*) FROM imports") == 2


async def test_stopped_for_good(store: Store, sql: asyncpg.Connection) -> None:
    replay_id = await planned(sql, *await bases(store, 10), stage="facts")
    runs = await drive(store)
    await ends(store, runs[0])
    await read_again(store, runs[1], {})
    turned = await store.stop_replay(replay_id, by="me", reason="wrong prompt")
    assert turned is not None
    assert (turned.refusal, turned.state) == (None, "stopped")
    assert await drive(store) == []
    assert await states(sql, replay_id) == [
        ("done", None),
        *[("cancelled", "the replay was stopped")] * 7,
        *[("skipped", "stopped")] * 2,
    ]
    assert (await take(store, run_event(runs[1]))).refusal == "cancelled"
    for again in (store.continue_replay, store.pause_replay, store.start_replay):
        refused = await again(replay_id, by="me", reason="once more")
        assert refused is not None
        assert (refused.refusal, refused.state) == ("state", "stopped")
    assert (await store.stop_replay(replay_id, by="me")).refusal is None  # type: ignore[union-attr]
    served = await sql.fetch("SELECT run FROM served_memories ORDER BY run DESC")
    assert [row[0] for row in served] == [2, *[1] * 9], "what was served stays"
    progress = await store.read_replay_progress(replay_id)
    assert progress is not None
    assert (progress.ended, progress.settled) == (True, progress.total)
    assert [(change["did"], change["by"], change["reason"]) for change in progress.changes] == [
        ("stop", "me", "wrong prompt")
    ]


async def test_no_such_replay(store: Store) -> None:
    nobody = uuid5(SEED, "no replay")
    assert await store.read_replay_progress(nobody) is None
    assert await store.start_replay(nobody, by="me", reason="why") is None
    for turn in (store.pause_replay, store.continue_replay, store.stop_replay):
        assert await turn(nobody, by="me") is None


async def test_two_over_the_same_imports_do_each_once(store: Store, sql: asyncpg.Connection) -> None:
    items = await bases(store, 10)
    first = await planned(sql, *items)
    second = await planned(sql, *reversed(items))
    done: list[UUID] = []
    while runs := await drive(store):
        done += [run.import_id for run in runs]
        for run in runs:
            await ends(store, run)
    assert sorted(done) == sorted(item.import_id for item in items)
    assert {state for state, _ in await states(sql, first)} == {"done"}
    skipped = set(await states(sql, second))
    assert skipped == {("skipped", "running"), ("skipped", "newer")}, "under way by the first, or done"
    assert (await replay_state(sql, second))[0] == "done"


async def test_one_that_waits_for_its_rate_lets_the_next_one_go(
    store: Store, sql: asyncpg.Connection
) -> None:
    await planned(sql, *await bases(store, 3), rate=1.0)
    await planned(sql, *await bases(store, 3, "of the second"))
    assert len(await drive(store)) == 4


async def test_many_that_have_changed_are_skipped_in_some_calls(
    store: Store, sql: asyncpg.Connection
) -> None:
    items = [Item(uuid5(SEED, f"deleted {n}"), uuid5(SEED, "gone")) for n in range(450)]
    replay_id = await planned(sql, *items)
    assert await drive(store) == []
    assert set(await states(sql, replay_id)) == {("skipped", "gone")}
    assert await replay_state(sql, replay_id) == ("done", None)


async def test_how_long_it_stands_still(store: Store, sql: asyncpg.Connection) -> None:
    replay_id = await planned(sql, *await bases(store, 2), stage="facts")
    runs = await drive(store)
    await sql.execute("UPDATE replays SET started_at = now() - interval '2 h'")
    await sql.execute("UPDATE replays SET resumed_at = started_at, moved_at = started_at")
    await sql.execute(
        "UPDATE imports SET updated_at = now() - interval '1 h' WHERE replay_id = $1", replay_id
    )
    assert 3590 < (await store.read_replay_figures()).still_seconds < 3700
    await sql.execute(
        "UPDATE imports SET updated_at = now(), redriven_at = now() WHERE replay_id = $1", replay_id
    )
    assert (await store.read_replay_figures()).still_seconds > 7000, "that it was driven again is no movement"
    await take(store, run_event(runs[0]))
    assert (await store.read_replay_figures()).still_seconds < 100
    await store.pause_replay(replay_id, by="me")
    figures = await store.read_replay_figures()
    assert (figures.still_seconds, figures.running, figures.paused) == (0, 0, {"asked": 1})
