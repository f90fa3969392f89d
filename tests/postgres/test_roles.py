"""Who may do what, tried by connecting as each role, where every new object is open to all as on Supabase."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from shared.domain.errors import MigrationError, StoreError
from shared.postgres.migrate import migrate
from shared.store.chunks import Chunking
from shared.store.store import Store, open_store
from tests.support.databases import EMPTY, dsn_of, run_sql
from tests.support.records import (
    ANNA,
    BORIS,
    IMPORT,
    MODEL,
    PROMPTS,
    PassageOf,
    commit,
    fact_of,
    memory_of,
    result_of,
    section_shown,
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
    "embedding_usage",
]
INTERNAL = [
    "conversation_runs",
    "memory_outbox",
    "leases",
    "service_holds",
    "batch_chunks",
    "user_names",
    "embedding_claims",
    "embedding_turns",
    "callbacks",
    "v1_calls",
    "replays",
    "replay_items",
    "writing_cache",
    "dead_letters",
    "dead_letter_positions",
    "audit",
    "idempotency_keys",
    "routing_policy",
    "routing_history",
    "routing_overrides",
    "routing_decisions",
    "legacy_calls",
]
"""Tables that only services see."""
VIEWS = ["run_usage", "user_usage"]

LOGINS = """
DO $$
BEGIN
    IF to_regrole('of_nothing') IS NULL THEN
        CREATE ROLE of_nothing LOGIN;
        CREATE ROLE of_the_services LOGIN NOINHERIT IN ROLE soulprint_service;
        CREATE ROLE of_the_wider_role LOGIN NOINHERIT IN ROLE service_role;
    END IF;
END
$$
"""

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
    await store.save_embeddings(ANNA, "a", model=MODEL, calls=1)
    await store.update_user_profile(ANNA, {"soul_md": "from elsewhere"})
    await store.update_user_profile(BORIS, {"soul_md": "of Boris"})
    assert (await commit(store, memory_of())).written
    return store


async def test_a_user_reads_own_rows_only(filled: Store, database: str) -> None:
    async with acting_as(database, "authenticated", ANNA) as anna:
        for table in TABLES:
            assert await anna.fetchval(f"SELECT count(*) FROM {table}") == 1, table
        assert await anna.fetchval("SELECT soul_md FROM user_profiles") == section_shown("soul")
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


async def test_only_services_call_functions_which_act_for_an_owner_who_is_no_superuser(
    filled: Store, sql: asyncpg.Connection
) -> None:
    functions = await sql.fetch(
        "SELECT p.oid::regprocedure::text AS name, prosecdef, proconfig, rolsuper,"
        " proargnames[1] = 'argument' AS called,"
        " ARRAY(SELECT r FROM unnest($1::text[]) r"
        " WHERE has_function_privilege(r, p.oid, 'EXECUTE')) AS roles"
        " FROM pg_proc p JOIN pg_roles o ON o.oid = proowner WHERE pronamespace = 'public'::regnamespace",
        ["anon", "authenticated", "service_role", "soulprint_service"],
    )
    assert len(functions) > 40
    for function in functions:
        name, called = function["name"], function["called"]
        assert "search_path=pg_catalog, public, pg_temp" in function["proconfig"], name
        assert function["prosecdef"] == bool(called), name
        assert not (function["prosecdef"] and function["rolsuper"]), name
        expected = ["service_role", "soulprint_service"] if called else []
        assert [role for role in function["roles"] if called or role != "service_role"] == expected, name


@pytest.mark.parametrize("role", ["anon", "authenticated"])
async def test_nobody_else_calls_a_function(filled: Store, database: str, role: str) -> None:
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
        | {("audit", "r", "service_role"): ["INSERT", "SELECT"]}
        | {(name, "r", "authenticated"): ["SELECT"] for name in TABLES}
        | {(name, "v", role): ["SELECT"] for name in VIEWS for role in ("authenticated", "service_role")}
    )
    assert {
        (right["relname"], right["kind"], right["role"]): right["rights"] for right in granted
    } == expected


async def test_services_do_not_own_the_schema(filled: Store, database: str) -> None:
    async with acting_as(database, "service_role") as service:
        assert await service.fetchval("SELECT count(*) FROM user_profiles") == 2
        for statement in ("DROP TABLE facts", "CREATE TABLE mine ()", "SELECT * FROM soulprint_migrations"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await service.execute(statement)


async def test_the_store_acts_as_the_services_role_or_as_what_the_login_may(database: str) -> None:
    await run_sql(database, LOGINS)
    for login, expected in {
        "postgres": "soulprint_service",
        "of_the_services": "soulprint_service",
        "of_the_wider_role": "soulprint_service",
        "of_nothing": "of_nothing",
    }.items():
        async with open_store(database.replace("postgres@", f"{login}@")) as store:
            for _ in range(2):
                async with store._transport._pool.acquire() as connection:
                    assert await connection.fetchval("SELECT current_user") == expected
            if login == "of_nothing":
                with pytest.raises(StoreError, match="member of soulprint_service"):
                    await store.list_users()
                with pytest.raises(MigrationError, match="make the login of services a member"):
                    await migrate(database.replace("postgres@", f"{login}@"))
            else:
                assert await store.list_users() == []
                assert await migrate(database.replace("postgres@", f"{login}@")) == []


async def test_who_is_no_superuser_migrates_and_owns_what_acts(postgres: str, migrated: str) -> None:
    await run_sql(
        postgres,
        "DO $$ BEGIN IF to_regrole('mover') IS NULL THEN CREATE ROLE mover LOGIN; END IF; END $$;"
        " GRANT service_role, soulprint_service TO mover WITH ADMIN OPTION",
    )
    await run_sql(postgres, "CREATE DATABASE moved OWNER mover")
    dsn = dsn_of(postgres, "moved").replace("postgres@", "mover@")
    assert "0032_service_role" in await migrate(dsn)
    connection = await asyncpg.connect(dsn)
    try:
        owners = await connection.fetchval(
            "SELECT array_agg(DISTINCT proowner::regrole::text) FROM pg_proc"
            " WHERE prosecdef AND pronamespace = 'public'::regnamespace"
        )
    finally:
        await connection.close()
    assert owners == ["mover"]
    async with open_store(dsn) as store:
        await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
        assert (await store.save_chunks_batch(ANNA, [PassageOf()])).written == 1
