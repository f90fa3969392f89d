"""Replays that wait for a person: after a canary, at their cost, after a rollback, or when told to."""

from __future__ import annotations

from uuid import uuid5

import asyncpg
import pytest

from shared.store.store import Store
from tests.support.records import SEED
from tests.support.replays import (
    Item,
    bases,
    drive,
    ends,
    planned,
    replay_state,
    states,
)


async def test_a_canary_waits_for_a_person(store: Store, sql: asyncpg.Connection) -> None:
    gone = Item(uuid5(SEED, "deleted"), uuid5(SEED, "gone"))
    replay_id = await planned(sql, gone, *await bases(store, 5), canary=2)
    runs = await drive(store)
    assert len(runs) == 2, "what is skipped is not one of them"
    await ends(store, runs[0])
    assert await drive(store) == []
    assert await replay_state(sql, replay_id) == ("running", None)
    await ends(store, runs[1])
    assert await drive(store) == []
    assert await replay_state(sql, replay_id) == ("paused", "canary")
    turned = await store.continue_replay(replay_id, by="me")
    assert turned is not None
    assert (turned.refusal, turned.state) == (None, "running")
    assert len(await drive(store)) == 3


async def test_a_canary_of_all_needs_no_word(store: Store, sql: asyncpg.Connection) -> None:
    replay_id = await planned(sql, *await bases(store, 2), canary=2)
    for run in await drive(store):
        await ends(store, run)
    await drive(store)
    assert await replay_state(sql, replay_id) == ("done", None)


async def test_a_canary_that_a_person_pauses_is_still_one(store: Store, sql: asyncpg.Connection) -> None:
    replay_id = await planned(sql, *await bases(store, 4), canary=2)
    await drive(store)
    await store.pause_replay(replay_id, by="me", reason="lunch")
    await store.continue_replay(replay_id, by="me")
    assert await drive(store) == []
    await sql.execute("UPDATE imports SET state = 'cancelled' WHERE replay_id = $1", replay_id)
    await drive(store)
    assert await replay_state(sql, replay_id) == ("paused", "canary")


async def test_at_its_limit_it_pauses_and_loses_nothing(store: Store, sql: asyncpg.Connection) -> None:
    replay_id = await planned(sql, *await bases(store, 5, cost=[1.0] * 5), max_cost=3.0)
    runs = await drive(store)
    assert len(runs) == 3, "what is under way is reserved"
    assert await replay_state(sql, replay_id) == ("running", None)
    await ends(store, runs[0], 2.0)
    assert await drive(store) == []
    await ends(store, runs[1], 1.5)
    assert await drive(store) == []
    assert await replay_state(sql, replay_id) == ("paused", "max_cost")
    await ends(store, runs[2], 1.0)
    await drive(store)
    progress = await store.read_replay_progress(replay_id)
    assert progress is not None
    assert (progress.spent, progress.items) == (4.5, {"done": 3, "waiting": 2})
    for refused in (None, 2.0, 3.0):
        turned = await store.continue_replay(replay_id, by="me", max_cost=refused)
        assert turned is not None
        assert (turned.refusal, turned.state) == ("max_cost", "paused")
    assert (await store.continue_replay(replay_id, by="me", max_cost=5.6)).refusal is None  # type: ignore[union-attr]
    assert len(await drive(store)) == 1
    assert (await store.continue_replay(replay_id, by="me", lift=True)).refusal is None  # type: ignore[union-attr]
    assert len(await drive(store)) == 1


async def test_what_is_cheap_goes_before_what_does_not_fit(store: Store, sql: asyncpg.Connection) -> None:
    items = await bases(store, 4, cost=[5.0, 0.0, 2.0, None])
    replay_id = await planned(sql, *items, max_cost=0)
    runs = await drive(store)
    assert [run.import_id for run in runs] == [items[1].import_id], "nothing but what costs nothing"
    assert await replay_state(sql, replay_id) == ("paused", "max_cost")
    await ends(store, runs[0], 0.0)
    await drive(store)
    await store.continue_replay(replay_id, by="me", max_cost=7.0)
    assert len(await drive(store)) == 2
    assert await replay_state(sql, replay_id) == ("paused", "unpriced"), "one's price is not known"
    assert (await store.continue_replay(replay_id, by="me", max_cost=99)).refusal == "max_cost"  # type: ignore[union-attr]
    assert (await store.continue_replay(replay_id, by="me", lift=True)).refusal is None  # type: ignore[union-attr]
    assert len(await drive(store)) == 1


async def test_what_needs_no_call_costs_nothing_at_any_price(store: Store, sql: asyncpg.Connection) -> None:
    (item,) = await bases(store, 1)
    replay_id = await planned(sql, Item(item.import_id, item.user_id, 1, None, 0), max_cost=0)
    (run,) = await drive(store)
    await ends(store, run)
    await drive(store)
    assert await replay_state(sql, replay_id) == ("done", None)


async def test_a_rollback_pauses_it(store: Store, sql: asyncpg.Connection) -> None:
    replay_id = await planned(sql, *await bases(store, 3), rate=1.0)
    (run,) = await drive(store)
    await store.change_policy({"passthrough": True, "frozen": True}, by="me", reason="v2 fails")
    await drive(store)
    assert await replay_state(sql, replay_id) == ("paused", "passthrough")
    assert (await store.continue_replay(replay_id, by="me")).refusal == "passthrough"  # type: ignore[union-attr]
    await ends(store, run)
    await drive(store)
    assert (await states(sql, replay_id))[0] == ("done", None)
    await store.change_policy({"passthrough": False, "frozen": False}, by="me", reason="mended")
    assert (await store.continue_replay(replay_id, by="me")).refusal is None  # type: ignore[union-attr]
    assert len(await drive(store)) == 1


@pytest.mark.parametrize("how", ["pause", "stop"])
async def test_the_end_of_what_is_under_way_is_noted_while_it_is_paused(
    store: Store, sql: asyncpg.Connection, how: str
) -> None:
    replay_id = await planned(sql, *await bases(store, 1))
    (run,) = await drive(store)
    await store.pause_replay(replay_id, by="me")
    assert (await store.pause_replay(replay_id, by="me")).refusal is None  # type: ignore[union-attr]
    await ends(store, run)
    if how == "stop":
        await store.stop_replay(replay_id, by="me")
    await drive(store)
    assert await states(sql, replay_id) == [("done", None)]
    assert (await replay_state(sql, replay_id))[0] == ("stopped" if how == "stop" else "done")
