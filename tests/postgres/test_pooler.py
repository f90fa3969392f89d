"""A transaction pooler before the database: a real PgBouncer, whose servers take our transactions in turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.domain.errors import UsageError
from shared.postgres import pooler
from shared.postgres.migrate import migrate
from shared.postgres.pooler import recognised
from shared.store.store import open_store
from tests.support.pgbouncer import pgbouncer
from tests.support.records import ANNA, IMPORT
from tests.support.runs import begin_run


@pytest.fixture
async def pooled(database: str) -> AsyncIterator[str]:
    """The DSN of the test's database through a pooler in transaction mode."""
    async with pgbouncer(database) as dsn:
        yield dsn


async def strangers(dsn: str) -> list[tuple[str, str]]:
    """Role and time zone of the servers that a stranger gets."""
    connections = [await asyncpg.connect(dsn, statement_cache_size=0) for _ in range(4)]
    try:
        found = []
        for connection in connections:
            await connection.execute("BEGIN")  # keeps its server: the next gets another
            found.append(
                await connection.fetchval("SELECT current_user || ' ' || current_setting('TimeZone')")
            )
        return found
    finally:
        for connection in connections:
            await connection.close()


async def test_many_calls_at_once_all_get_through_and_leave_nothing_behind(pooled: str) -> None:
    before = await strangers(pooled)
    async with open_store(pooled) as one, open_store(pooled) as other:
        assert one._transport._first.endswith("; SET LOCAL ROLE soulprint_service")
        await begin_run(one, IMPORT, ANNA, "/a.zip", "v2")
        calls = [store.watch_run(uuid4(), 1) for store in (one, other) for _ in range(40)]
        calls += [store.watch_run(IMPORT, 1) for store in (one, other) for _ in range(40)]
        found = await asyncio.gather(*calls)
        assert await strangers(pooled) == before
    assert sum(each is not None for each in found) == 80
    assert {each.split()[0] for each in before} == {"postgres"}


async def test_what_needs_a_session_names_the_direct_address(
    pooled: str, empty_database: str, tmp_path: Path
) -> None:
    async with open_store(pooled) as store:
        with pytest.raises(UsageError, match=r"transaction pooler .* port 5432"):
            async with store.lock_user(ANNA):
                pytest.fail("nobody may hold it")
    assert await migrate(pooled) == [], "what is up to date needs no migrating"
    (tmp_path / "0001_a.sql").write_text("CREATE TABLE a (n integer);")
    async with pgbouncer(empty_database) as dsn:
        with pytest.raises(UsageError, match="migrate needs a session"):
            await migrate(dsn, tmp_path)


async def test_a_pooler_is_recognised_by_what_it_does(database: str, pooled: str) -> None:
    assert (await recognised(pooled)).pooled
    assert not (await recognised(database)).pooled
    for servers in (1, 2):
        async with pgbouncer(database, servers=servers) as dsn:
            assert (await recognised(dsn)).pooled
    async with pgbouncer(database, mode="session") as dsn:
        assert not (await recognised(dsn)).pooled
        async with open_store(dsn) as store, store.lock_user(UUID(int=1)):
            assert await store.read_profile(ANNA) is None


@pytest.mark.parametrize(
    ("dsn", "expected", "pooled"),
    [
        ("postgresql://u:p@db.example:6543/postgres", "postgresql://u:p@db.example:6543/postgres", True),
        ("postgresql://u@h/d?pgbouncer=true", "postgresql://u@h/d", True),
        (
            "postgresql://u@h:6543/d?pgbouncer=false&sslmode=require",
            "postgresql://u@h:6543/d?sslmode=require",
            False,
        ),
    ],
)
async def test_an_address_that_says_itself_is_believed(dsn: str, expected: str, pooled: bool) -> None:
    found = await recognised(dsn)
    assert (found.dsn, found.pooled) == (expected, pooled)


async def test_a_pooler_is_told_though_its_other_clients_take_our_connection(
    pooled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody gives a connection back between our two looks: it is the one that is given next."""
    async with pooler._connected(pooled) as other:
        await other.execute("BEGIN")
        connections = 0
        connected = pooler._connected

        @asynccontextmanager
        async def counted(dsn: str) -> AsyncIterator[asyncpg.Connection]:
            nonlocal connections
            connections += 1
            if connections == 2:
                await other.execute("COMMIT")
            async with connected(dsn) as connection:
                yield connection

        monkeypatch.setattr(pooler, "_connected", counted)
        assert await pooler.shares_servers(pooled)
