"""What the app is told: owed with the commit, once for an import, and taken by one."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4, uuid5

import asyncpg

from shared.store.callbacks import DueCallback
from shared.store.store import Store, open_store
from tests.postgres.conftest import EVERY_WAY
from tests.support.records import ANNA, IMPORT, SEED, commit, memory_of
from tests.support.runs import begin_run

ROWS = "SELECT import_id, kind, state, attempts FROM callbacks ORDER BY import_id"
OWED = "SELECT owe_callback(i, 'complete') FROM imports i WHERE i.import_id = $1"


async def owe(store: Store, sql: asyncpg.Connection, import_id: UUID = IMPORT) -> None:
    await begin_run(store, import_id, ANNA, "/a.zip", "v2")
    await sql.execute(OWED, import_id)


async def taken(store: Store, import_id: UUID | None = None) -> tuple[UUID, DueCallback | None]:
    token = uuid4()
    return token, await store.take_callback(token, import_id)


async def test_a_commit_that_serves_owes_a_call_once_for_an_import(
    store: Store, sql: asyncpg.Connection
) -> None:
    for run in (1, 2):
        await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
        await sql.execute("UPDATE imports SET begun_at = begun_at - interval '61 s' WHERE run = $1", run)
        assert (await commit(store, memory_of(run), notify=True)).written
        assert (await commit(store, memory_of(run), notify=True)).reason == "repeated"
        assert [tuple(row) for row in await sql.fetch(ROWS)] == [(IMPORT, "complete", "due", 0)]
    _, callback = await taken(store)
    assert callback is not None
    assert (callback.import_id, callback.user_id, callback.kind) == (IMPORT, ANNA, "complete")
    assert 61 <= callback.seconds < 120, "as long as the first run took"


async def test_a_commit_that_serves_nothing_owes_nothing(store: Store, sql: asyncpg.Connection) -> None:
    older, failed, quiet = (uuid5(SEED, name) for name in ("older", "failed", "quiet"))
    await begin_run(store, older, ANNA, "/a.zip", "v2")
    await begin_run(store, quiet, ANNA, "/b.zip", "v2")
    assert (await commit(store, memory_of(import_id=quiet))).written, "nobody is to be told"
    assert (await commit(store, memory_of(import_id=older), notify=True)).reason == "older"
    await begin_run(store, failed, ANNA, "/c.zip", "v2")
    await commit(
        store, memory_of(import_id=failed), status="failed", error={"step": "s", "message": "m"}, notify=True
    )
    assert await sql.fetch(ROWS) == []


async def test_the_same_token_is_answered_the_same_call_until_that_is_settled(
    store: Store, sql: asyncpg.Connection
) -> None:
    await owe(store, sql)
    token, callback = await taken(store)
    assert callback is not None
    assert await store.take_callback(token) == callback, "its answer was lost"
    assert (await taken(store))[1] is None, "another may not have it"
    assert not await store.settle_callback(uuid4(), "sent")
    assert await store.settle_callback(token, "sent")
    assert not await store.settle_callback(token, "due", 0.0)
    assert await store.take_callback(token) is None
    assert [tuple(row) for row in await sql.fetch(ROWS)] == [(IMPORT, "complete", "sent", 1)]


@EVERY_WAY
async def test_a_call_that_is_due_again_is_so_when_its_time_has_come(
    store: Store, sql: asyncpg.Connection
) -> None:
    await owe(store, sql)
    for attempt in (1, 2):
        token, callback = await taken(store)
        assert callback is not None
        assert callback.attempt == attempt
        assert await store.settle_callback(token, "due", 600.0)
        assert (await taken(store))[1] is None
        await sql.execute("UPDATE callbacks SET due_at = due_at - interval '600 s'")
    assert (await taken(store))[1] is not None


async def test_a_call_of_one_import_may_be_asked_for(store: Store, sql: asyncpg.Connection) -> None:
    other = uuid5(SEED, "other")
    for import_id in (IMPORT, other):
        await owe(store, sql, import_id)
    _, callback = await taken(store, other)
    assert callback is not None
    assert callback.import_id == other
    assert (await taken(store, other))[1] is None


@EVERY_WAY
async def test_takers_at_once_share_what_is_due(store: Store, sql: asyncpg.Connection, database: str) -> None:
    imports = [uuid5(SEED, f"import {n}") for n in range(24)]
    for import_id in imports:
        await owe(store, sql, import_id)

    async def take_all(through: Store) -> list[UUID]:
        found = []
        while (callback := (await taken(through))[1]) is not None:
            found.append(callback.import_id)
        return found

    async with open_store(database) as second:
        shares = await asyncio.gather(*(take_all(each) for each in (store, store, second, second)))
    assert sorted(each for share in shares for each in share) == sorted(imports)


@EVERY_WAY
async def test_the_same_token_asked_with_at_once_takes_one(
    store: Store, sql: asyncpg.Connection, database: str
) -> None:
    for n in range(4):
        await owe(store, sql, uuid5(SEED, f"import {n}"))
    token = uuid4()
    async with open_store(database) as second:
        answers = await asyncio.gather(*(each.take_callback(token) for each in (store, second) * 3))
    assert len({answer and answer.import_id for answer in answers}) == 1
    assert await sql.fetchval("SELECT count(*) FROM callbacks WHERE state = 'marked'") == 1
