"""A database whose packets vanish: no call waits for ever, and none outlives its caller's patience."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from shared.domain.errors import StoreError, UnansweredError
from shared.postgres import connection as connections
from shared.store import direct, transport
from shared.store.chunks import Chunking
from shared.store.direct import DirectTransport
from shared.store.store import Store, open_store
from shared.store.transport import _LONG, CALL_SECONDS, seconds_for
from tests.support.door import Door, door_to, postgres_at
from tests.support.records import ANNA
from tests.support.waiting import until

NOBODY = UUID(int=0)
SOON = 15.0
"""Seconds: far more than any of these takes, and far less than for ever."""


@pytest.fixture
async def door(database: str) -> AsyncIterator[Door]:
    """Before the database."""
    async with door_to(postgres_at(database)) as found:
        yield found


async def test_a_call_under_a_deadline_ends_at_it(door: Door, database: str) -> None:
    async with open_store(door.dsn(database), connections=1) as store:
        await store.watch_run(NOBODY, 1)
        door.swallow(new=False)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await store.watch_run(NOBODY, 1)
        assert time.monotonic() - began < SOON
        async with asyncio.timeout(SOON):
            assert await store.watch_run(NOBODY, 1) is None


async def test_a_call_without_an_answer_ends_by_its_bound(door: Door, database: str) -> None:
    async with open_store(door.dsn(database), connections=1, seconds=2.0) as store:
        await store.watch_run(NOBODY, 1)
        door.swallow(new=False)
        async with asyncio.timeout(SOON):
            with pytest.raises(
                StoreError, match=r"watch_run: the database gave no answer within 2 s"
            ) as told:
                await store.watch_run(NOBODY, 1)
            assert told.value.sqlstate is None
            assert await store.watch_run(NOBODY, 1) is None


@pytest.mark.parametrize("long", [True, False])
async def test_a_call_is_made_on_a_connection_that_answers(
    door: Door, database: str, monkeypatch: pytest.MonkeyPatch, *, long: bool
) -> None:
    """One that fell silent since it was used last is not believed: not for a call that may take minutes, and
    for another not if that was a while ago."""
    monkeypatch.setattr(direct, "CONNECT_SECONDS", 0.3)
    if not long:
        monkeypatch.setattr(direct, "QUIET_SECONDS", 0.0)
    async with open_store(door.dsn(database), connections=2) as store:
        await asyncio.gather(*(store.watch_run(NOBODY, 1) for _ in range(10)))
        entered = door.entered
        door.swallow(new=False)
        async with asyncio.timeout(SOON):
            if long:
                assert (await store.finish_chunking(NOBODY, 1, Chunking(total=1))).complete is False
            else:
                assert await store.watch_run(NOBODY, 1) is None
        assert door.entered > entered


async def test_a_long_call_ends_when_the_server_is_no_longer_at_it(
    door: Door, database: str, sql: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(direct, "CONNECT_SECONDS", 0.3)
    monkeypatch.setattr(transport, "_LONGER", 1000.0)
    looks: list[bool | None] = []
    look = DirectTransport._at_work

    async def seen(self: DirectTransport, server: int) -> bool | None:
        looks.append(await look(self, server))
        return looks[-1]

    monkeypatch.setattr(DirectTransport, "_at_work", seen)
    async with open_store(door.dsn(database), connections=2, seconds=0.3) as store, asyncio.timeout(SOON):
        async with sql.transaction():
            await sql.execute("LOCK TABLE imports IN ACCESS EXCLUSIVE MODE")
            call = asyncio.create_task(store.finish_chunking(NOBODY, 1, Chunking(total=1)))
            await until(lambda: looks.count(True) == 2)
            assert not call.done()
            door.swallow(new=False)
        with pytest.raises(UnansweredError, match="finish_chunking: the database gave no answer"):
            await call
        assert looks[-1] is False
        assert not (await store.finish_chunking(NOBODY, 1, Chunking(total=1))).complete


async def test_calls_that_wait_for_a_silent_connection_end_too(door: Door, database: str) -> None:
    async with open_store(door.dsn(database), connections=1, seconds=0.3) as store:
        await store.watch_run(NOBODY, 1)
        door.swallow()
        async with asyncio.timeout(SOON):
            calls = [store.watch_run(NOBODY, 1) for _ in range(5)]
            ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ends] == [UnansweredError] * 5


async def test_a_cancelled_call_and_its_store_end(door: Door, database: str) -> None:
    async with open_store(door.dsn(database), connections=1) as store:
        await store.watch_run(NOBODY, 1)
        door.swallow()
        call = asyncio.create_task(store.watch_run(NOBODY, 1))
        await until(lambda: store._transport._pool.get_idle_size() == 0)
        call.cancel()
        done, _ = await asyncio.wait([call], timeout=SOON)
        assert done
        began = time.monotonic()
    assert time.monotonic() - began < SOON


async def test_nobody_waits_for_a_server_that_takes_connections_and_says_nothing(
    door: Door, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECT_SECONDS", 0.3)
    door.swallow()
    async with asyncio.timeout(SOON):
        with pytest.raises(StoreError, match="connect: the database cannot be reached"):
            async with open_store(door.dsn(database)):
                pytest.fail("nobody answers")


@pytest.mark.slow
async def test_a_users_lock_is_left_when_nobody_answers(door: Door, database: str) -> None:
    async with open_store(door.dsn(database)) as store, asyncio.timeout(SOON), store.lock_user(ANNA):
        door.swallow()


@pytest.mark.slow
@pytest.mark.parametrize("store", ["direct", "pooled"], indirect=True)
async def test_what_nobody_waits_for_ends_at_the_server(store: Store, sql: asyncpg.Connection) -> None:
    async with sql.transaction():
        await sql.execute("LOCK TABLE imports IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await store.watch_run(NOBODY, 1)

        async def nobody_waits() -> bool:
            waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            return not await sql.fetchval(waits)

        await until(nobody_waits)


def test_functions_that_take_long_are_functions_of_the_store() -> None:
    assert all(hasattr(Store, name) for name in _LONG)
    assert seconds_for("settle_facts") > seconds_for("watch_run") == CALL_SECONDS


async def test_over_rest_too_they_may_take_long(sql: asyncpg.Connection) -> None:
    """PostgREST takes a function's statement_timeout for the whole call; without one, the role's 8 s hold."""
    set_to = await sql.fetch(
        "SELECT proname, setting FROM pg_proc, unnest(proconfig) setting"
        " WHERE pronamespace = 'public'::regnamespace AND setting LIKE 'statement_timeout=%'"
    )
    assert {name for name, _ in set_to} == _LONG
    assert {setting for _, setting in set_to} == {f"statement_timeout={seconds_for('claim_run'):.0f}s"}
