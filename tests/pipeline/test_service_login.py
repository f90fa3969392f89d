"""A login that is a member of soulprint_service alone: enough for whole imports, and for no more. What is
tried comes from the catalogue."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from shared.postgres.migrate import migrate
from shared.store.store import Store, open_store
from tests.support.databases import run_sql
from tests.support.local import LocalSetting
from tests.support.pgbouncer import pgbouncer
from tests.support.services import ended, hosted

LOGIN = """
DO $$
BEGIN
    IF to_regrole('worker') IS NULL THEN
        CREATE ROLE worker LOGIN IN ROLE soulprint_service;
    END IF;
END
$$
"""
RELATIONS = """
SELECT c.relname AS name, c.relkind::text AS kind,
       (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = 1) AS first
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'S')
"""
FUNCTIONS = """
SELECT p.oid::regprocedure::text AS name, p.proname, coalesce(p.proargnames[1] = 'argument', false) AS called,
       coalesce((SELECT string_agg('NULL::' || format_type(t, NULL), ', ' ORDER BY n)
                 FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS a(t, n)), '') AS nulls
FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace AND p.prorettype <> 'trigger'::regtype
"""


@pytest.fixture
async def worker(database: str) -> str:
    """The DSN of the test's database for that login."""
    await run_sql(database, LOGIN)
    return database.replace("postgres@", "worker@")


@pytest.fixture
async def connection(worker: str) -> AsyncIterator[asyncpg.Connection]:
    """Logged in with it."""
    opened = await asyncpg.connect(worker)
    try:
        yield opened
    finally:
        await opened.close()


async def test_it_is_enough_for_a_whole_import(worker: str, exports: Path) -> None:
    setting = LocalSetting(worker, exports, changes={"extract_workers": 0})
    async with open_store(worker) as store, hosted(setting):
        run = await ended(store, await setting.import_of(exports / "small.zip"))
        assert (run.state, run.coverage, run.error) == ("complete", 1.0, None), run
        assert await store.list_facts(run.user_id)


async def test_it_is_enough_behind_a_transaction_pooler(database: str, worker: str) -> None:
    async with pgbouncer(database, login="worker") as pooled, open_store(pooled) as store:
        assert await migrate(pooled) == []
        assert await asyncio.gather(*(store.list_users() for _ in range(8))) == [[]] * 8


async def test_it_may_do_nothing_with_any_table(
    store: Store, sql: asyncpg.Connection, connection: asyncpg.Connection
) -> None:
    relations = await sql.fetch(RELATIONS)
    assert len(relations) > 15
    for name, kind, first in relations:
        tried = [f"SELECT FROM {name}", f"SELECT {first} FROM {name}"]
        if kind == "S":
            tried.append(f"SELECT nextval('{name}')")
        if kind == "r":
            tried += [
                f"INSERT INTO {name} DEFAULT VALUES",
                f"UPDATE {name} SET {first} = DEFAULT",
                f"DELETE FROM {name}",
                f"COPY {name} TO STDOUT",
                f"TRUNCATE {name}",
                f"DO $$ BEGIN LOCK TABLE {name}; END $$",
                f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY",
                f"CREATE INDEX ON {name} ({first})",
                f"CREATE POLICY mine ON {name} USING (true)",
                f"GRANT SELECT ON {name} TO worker",
                f"DROP TABLE {name}",
            ]
        for statement in tried:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)


async def test_it_may_call_what_services_call_and_change_none_of_it(
    store: Store, sql: asyncpg.Connection, connection: asyncpg.Connection
) -> None:
    functions = await sql.fetch(FUNCTIONS)
    assert {each["called"] for each in functions} == {True, False}
    for name, short, called, nulls in functions:
        if not called:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"SELECT public.{short}({nulls})")
        for statement in (
            f"ALTER FUNCTION {name} SECURITY INVOKER",
            f"DROP FUNCTION {name}",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
    await connection.execute("SELECT public.list_users('{\"limit\": 1}')")


async def test_it_becomes_nobody_else_and_makes_nothing_that_a_function_would_take_for_its_own(
    store: Store, connection: asyncpg.Connection
) -> None:
    for statement in (
        "SET ROLE service_role",
        "SET ROLE soulprint_owner",
        "SET ROLE postgres",
        "SET SESSION AUTHORIZATION postgres",
        "CREATE ROLE more",
        "GRANT soulprint_owner TO worker",
        "CREATE TABLE public.mine ()",
        "CREATE FUNCTION public.count(jsonb) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE SCHEMA mine",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    # What is its own are things of the session. Functions look for no function there, and for tables last.
    await connection.execute(
        "CREATE TEMP TABLE user_names (user_id uuid, name text, named_at timestamptz);"
        "CREATE FUNCTION pg_temp.is_newest_run(i public.imports) RETURNS boolean LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'acting as %', current_user; END $$;"
        "SET search_path = pg_temp, public"
    )
    user = "00000000-0000-0000-0000-00000000000a"
    await connection.execute(f"""SELECT public.name_user('{{"user_id": "{user}", "name": "ana"}}')""")
    assert await connection.fetchval("SELECT count(*) FROM pg_temp.user_names") == 0
    assert [*(await store.read_user_names([user])).values()] == ["ana"]
