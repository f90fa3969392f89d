"""Who may do what, tried by connecting as each role, where every new object is open to all as on Supabase."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from shared.postgres.migrate import migrate
from shared.store.chunks import Chunking
from shared.store.store import Store
from tests.support.databases import EMPTY, dsn_of, run_sql
from tests.support.records import (
    ANNA,
    BORIS,
    IMPORT,
    MODEL,
    PROMPTS,
    PassageOf,
    fact_of,
    memory_of,
    result_of,
    with_matter,
)
from tests.support.runs import begin_run

TABLES = [
    "imports",
    "user_profiles",
    "profile_versions",
    "served_memories",
    "conversation_chunks",
    "chunk_results",
    "facts",
    "lineages",
    "extraction_cache",
]
INTERNAL = ["conversation_runs", "memory_outbox", "leases", "service_holds", "batch_chunks", "user_names"]
"""Tables that only services see."""
VIEWS = ["run_usage", "user_usage"]

OPEN_TO_ALL = "; ".join(
    f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON {what} TO anon, authenticated, service_role"
    for what in ("TABLES", "FUNCTIONS", "SEQUENCES")
)
"""As a Supabase project comes: whatever a migration does not close is open to everybody."""


@pytest.fixture(scope="module")
async def supabase(postgres: str, migrated: str) -> str:
    """The DSN of a database whose migrations had Supabase's defaults to reckon with. The roles belong to the
    server: they came with `migrated`."""
    await run_sql(postgres, "CREATE DATABASE supabase")
    dsn = dsn_of(postgres, "supabase")
    await run_sql(dsn, OPEN_TO_ALL)
    await migrate(dsn)
    return dsn


@pytest.fixture
async def database(supabase: str) -> str:
    """For `store` and `sql` too."""
    await run_sql(supabase, EMPTY)
    return supabase


@asynccontextmanager
async def acting_as(database: str, role: str, user: object = None) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(f"SET ROLE {role}")
        if user is not None:
            claims = json.dumps({"sub": str(user), "role": role})
            await connection.execute("SELECT set_config('request.jwt.claims', $1, false)", claims)
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def filled(store: Store) -> Store:
    """One row at least in each table, of ANNA; two profiles."""
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    await store.save_chunks_batch(ANNA, [PassageOf()])
    await store.record_chunks(
        [with_matter(result_of(0, [fact_of("a")]))], model=MODEL, prompt_version=PROMPTS
    )
    await store.finish_chunking(IMPORT, 1, Chunking(total=1))
    await store.update_user_profile(ANNA, {"soul_md": "from elsewhere"})
    await store.update_user_profile(BORIS, {"soul_md": "of Boris"})
    assert (await store.commit_memory(memory_of())).written
    return store


async def test_a_user_reads_own_rows_only(filled: Store, database: str) -> None:
    async with acting_as(database, "authenticated", ANNA) as anna:
        for table in TABLES:
            assert await anna.fetchval(f"SELECT count(*) FROM {table}") == 1, table
        assert await anna.fetchval("SELECT soul_md FROM user_profiles") == "soul 1"
        for view in VIEWS:
            assert await anna.fetchval(f"SELECT count(*) FROM {view}") == 1, view
    async with acting_as(database, "authenticated", BORIS) as boris:
        for view in VIEWS:
            assert await boris.fetchval(f"SELECT count(*) FROM {view}") == 0, view
        for table in TABLES:
            expected = 1 if table == "user_profiles" else 0
            assert await boris.fetchval(f"SELECT count(*) FROM {table}") == expected, table
    async with acting_as(database, "authenticated") as nobody:
        for table in TABLES:
            assert await nobody.fetchval(f"SELECT count(*) FROM {table}") == 0, table


async def test_a_user_writes_nothing(filled: Store, database: str) -> None:
    async with acting_as(database, "authenticated", ANNA) as anna:
        for table in TABLES:
            for statement in (
                f"DELETE FROM {table}",
                f"UPDATE {table} SET user_id = '{BORIS}'",
                f"INSERT INTO {table} (user_id) VALUES ('{ANNA}')",
                f"TRUNCATE {table}",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await anna.execute(statement)


async def test_anon_reads_nothing(filled: Store, database: str) -> None:
    async with acting_as(database, "anon", ANNA) as anon:
        for table in [*TABLES, *VIEWS, "soulprint_migrations"]:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await anon.execute(f"SELECT FROM {table}")


@pytest.mark.parametrize("role", ["anon", "authenticated"])
async def test_only_services_call_functions(
    filled: Store, database: str, sql: asyncpg.Connection, role: str
) -> None:
    functions = await sql.fetch(
        "SELECT p.oid::regprocedure::text AS name, prosecdef, proconfig,"
        " has_function_privilege('service_role', p.oid, 'EXECUTE') AS service,"
        " has_function_privilege($1, p.oid, 'EXECUTE') AS other"
        " FROM pg_proc p WHERE pronamespace = 'public'::regnamespace",
        role,
    )
    assert len(functions) > 20
    for function in functions:
        assert function["service"], function["name"]
        assert not function["other"], function["name"]
        assert not function["prosecdef"], function["name"]
        assert any(setting.startswith("search_path=") for setting in function["proconfig"]), function["name"]
    async with acting_as(database, role, ANNA) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("SELECT read_profile('{}'::jsonb)")


async def test_every_table_has_row_security(filled: Store, sql: asyncpg.Connection) -> None:
    rows = await sql.fetch(
        "SELECT relname, relrowsecurity FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    assert {row["relname"] for row in rows} == {*TABLES, *INTERNAL, "soulprint_migrations"}
    assert all(row["relrowsecurity"] for row in rows)


async def test_services_have_no_right_beyond_rows_and_calls(filled: Store, sql: asyncpg.Connection) -> None:
    granted = await sql.fetch(
        "SELECT c.relname, c.relkind::text AS kind, g.grantee::regrole::text AS role,"
        " array_agg(g.privilege_type ORDER BY g.privilege_type) AS rights"
        " FROM pg_class c, aclexplode(c.relacl) g"
        " WHERE c.relnamespace = 'public'::regnamespace AND g.grantee <> c.relowner"
        " GROUP BY c.relname, c.relkind, g.grantee"
    )
    rows = ["DELETE", "INSERT", "SELECT", "UPDATE"]
    expected = (
        {(name, "r", "service_role"): rows for name in TABLES + INTERNAL}
        | {(name, "r", "authenticated"): ["SELECT"] for name in TABLES}
        | {(name, "v", role): ["SELECT"] for name in VIEWS for role in ("authenticated", "service_role")}
    )
    assert {
        (right["relname"], right["kind"], right["role"]): right["rights"] for right in granted
    } == expected


async def test_services_do_not_own_the_schema(filled: Store, database: str) -> None:
    async with acting_as(database, "service_role") as service:
        assert await service.fetchval("SELECT count(*) FROM user_profiles") == 2
        for statement in ("DROP TABLE facts", "CREATE TABLE mine ()", "SELECT FROM soulprint_migrations"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await service.execute(statement)


async def test_the_store_acts_as_service_role(store: Store) -> None:
    async with store._transport._pool.acquire() as connection:
        assert await connection.fetchval("SELECT current_user") == "service_role"
    async with store._transport._pool.acquire() as connection:
        assert await connection.fetchval("SELECT current_user") == "service_role"
