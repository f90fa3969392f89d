"""What SoulPrint cannot stand beside: all of it is told, and nothing is changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from scripts.schema import schema_of
from shared.domain.errors import ConflictError
from shared.postgres.adoption import find_conflicts
from shared.postgres.migrate import migrate, plan
from shared.postgres.statements import made_by, split
from shared.postgres.versions import load_migrations, migrations_folder
from tests.support.app_schema import app_database, make_app
from tests.support.command import Soulprint
from tests.support.databases import run_sql
from tests.support.forking import ForkedSoulprint, ForkServer

FOUR = [
    "user_profiles.progress_percent: is text, needs a number type",
    "user_profiles.user_id: is not unique, needs a unique index: one row a user",
    "conversation_chunks.conversation_id: is uuid, needs text or varchar",
    "conversation_chunks.created_at: is timestamp without time zone, needs timestamp with time zone",
]


async def told(dsn: str) -> list[str]:
    """The conflicts that a plan tells."""
    return [str(conflict) for conflict in (await plan(dsn)).conflicts]


async def test_four_conflicts_are_told_at_once_and_nothing_is_changed(
    postgres: str, migrated: str, tmp_path: Path, fork_server: ForkServer
) -> None:
    async with app_database(postgres, "C") as dsn:
        before = schema_of(dsn)
        assert await told(dsn) == FOUR
        with pytest.raises(ConflictError, match="4 conflicts") as refused:
            await migrate(dsn)
        assert list(refused.value.conflicts) == FOUR
        soulprint = ForkedSoulprint(Soulprint(tmp_path, (("SOULPRINT_DATABASE_URL", dsn),)), fork_server)
        done = await asyncio.to_thread(soulprint, "migrate")
        assert (done.code, done.out) == (2, "")
        assert [line for line in done.err.splitlines() if ": is " in line] == FOUR
        as_json = await asyncio.to_thread(soulprint, "migrate", "--plan", "--json")
        assert as_json.code == 2
        found = [
            f"{each['place']}: is {each['is']}, needs {each['needs']}" for each in as_json.json()["conflicts"]
        ]
        assert (found, as_json.json()["statements"]) == (FOUR, [])
        assert schema_of(dsn) == before


@pytest.fixture(scope="module")
async def app(postgres: str, migrated: str) -> AsyncIterator[str]:
    """The DSN of the app's database in form A."""
    async with app_database(postgres, "A") as dsn:
        yield dsn


@pytest.fixture
async def spoilt(app: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to it, all of whose changes are undone."""
    connection = await asyncpg.connect(app)
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield connection
    finally:
        await transaction.rollback()
        await connection.close()


P, C = "ALTER TABLE user_profiles", "ALTER TABLE conversation_chunks"
SPOILT = [
    (f"{P} ALTER import_stage TYPE varchar(200), ALTER progress_percent DROP DEFAULT", []),
    (f"{P} ALTER progress_percent TYPE double precision, ALTER total_chunks TYPE bigint", []),
    (f"{P} ALTER total_chunks DROP DEFAULT, ALTER total_chunks TYPE numeric",
     ["user_profiles.total_chunks: is numeric, needs integer or bigint"]),
    (f"{P} ALTER soul_md TYPE jsonb USING soul_md::jsonb",
     ["user_profiles.soul_md: is jsonb, needs text or varchar without a length"]),
    (f"{P} ALTER full_pass_error TYPE varchar(80), ALTER ai_name TYPE varchar(80),"
     " ALTER soul_md TYPE varchar",
     ["user_profiles.full_pass_error: is character varying(80), needs text or varchar without a length"]),
    (f"{P} DROP CONSTRAINT user_profiles_full_pass_status_check,"
     " ADD CHECK (full_pass_status IN ('pending', 'complete')), ADD CHECK (length(memory_status) < 9)",
     ["user_profiles.full_pass_status: is checked to be none of 'processing', 'failed', needs to take them"]),
    (f"{C} ADD CHECK (chunk_tier <> 'x'), ALTER updated_at DROP DEFAULT, ALTER updated_at SET NOT NULL",
     ["conversation_chunks.updated_at: is timestamp with time zone not null without a default,"
      " needs a default, or to take null"]),
    ("CREATE DOMAIN words AS text; " f"{P} ALTER memory_md TYPE words",
     ["user_profiles.memory_md: is words, needs text or varchar without a length"]),
    (f"{P} ALTER import_error SET NOT NULL",
     ["user_profiles.import_error: is not null, needs to take null"]),
    (f"{P} ADD tenant uuid NOT NULL",
     ["user_profiles.tenant: is uuid not null without a default, needs a default, or to take null"]),
    (f"{P} ADD tenant integer NOT NULL DEFAULT 1, ADD number bigint GENERATED ALWAYS AS IDENTITY", []),
    (f"{P} ALTER import_status SET NOT NULL, ALTER import_status DROP DEFAULT",
     ["user_profiles.import_status: is text not null without a default, needs a default, or to take null"]),
    (f"{C} ALTER title SET NOT NULL", []),
    (f"{C} ALTER id DROP DEFAULT",
     ["conversation_chunks.id: is uuid not null without a default, needs a default, or to take null"]),
    (f"{C} DROP chunk_tier, ADD chunk_tier text GENERATED ALWAYS AS (left(content, 1)) STORED",
     ["conversation_chunks.chunk_tier: is generated, needs to be plain"]),
    (f"{C} DROP content",
     ["conversation_chunks.content: is missing, needs text or varchar without a length"]),
    (f"{C} ALTER is_recent DROP DEFAULT, ALTER is_recent TYPE text",
     ["conversation_chunks.is_recent: is text, needs boolean"]),
    ("CREATE TABLE facts (n integer); CREATE VIEW leases AS SELECT 1 AS n; CREATE TYPE imports AS ENUM ('a')",
     ["public.facts: is a table already, needs to be free for SoulPrint's table",
      "public.imports: is a type already, needs to be free for SoulPrint's table",
      "public.leases: is a view already, needs to be free for SoulPrint's table"]),
    ("CREATE FUNCTION read_profile(n integer) RETURNS integer LANGUAGE sql AS 'SELECT 1'",
     ["public.read_profile: is a function already, needs to be free for SoulPrint's function"]),
    ("CREATE INDEX imports_of_user ON chat_messages (role); CREATE TABLE user_usage (n integer)",
     ["public.imports_of_user: is an index already, needs to be free for SoulPrint's index",
      "public.user_usage: is a table already, needs to be free for SoulPrint's view"]),
    ("CREATE POLICY soulprint_services ON conversation_chunks FOR SELECT USING (true)",
     ["conversation_chunks.soulprint_services: is a policy already,"
      " needs to be free for SoulPrint's policy"]),
    ("CREATE POLICY services ON chat_messages FOR SELECT USING (true)", []),
    (f"{P} DROP CONSTRAINT user_profiles_user_id_key;"
     " CREATE UNIQUE INDEX u ON user_profiles (user_id) WHERE import_status <> 'none'",
     ["user_profiles.user_id: is not unique, needs a unique index: one row a user"]),
    ("DROP TABLE conversation_chunks CASCADE; CREATE VIEW conversation_chunks AS SELECT 1 AS id",
     ["conversation_chunks: is a view, needs to be a table"]),
    ("ALTER FUNCTION auth.uid() RENAME TO before;"
     " CREATE FUNCTION auth.uid() RETURNS text LANGUAGE sql AS 'SELECT NULL'",
     ["auth.uid(): is text, needs uuid"]),
]  # fmt: skip


MADE = made_by(s for migration in load_migrations(migrations_folder()) for s in split(migration.sql))


@pytest.mark.parametrize(("spoil", "conflicts"), SPOILT, ids=range(len(SPOILT)))
async def test_each_conflict_is_told_by_place_and_none_is_made_up(
    spoilt: asyncpg.Connection, spoil: str, conflicts: list[str]
) -> None:
    await spoilt.execute(spoil)
    assert [str(conflict) for conflict in await find_conflicts(spoilt, MADE)] == conflicts


async def test_another_owner_of_the_apps_table_is_told(spoilt: asyncpg.Connection) -> None:
    await spoilt.execute("CREATE ROLE nobodys; CREATE ROLE plain; ALTER TABLE user_profiles OWNER TO nobodys")
    await spoilt.execute("ALTER TABLE conversation_chunks OWNER TO plain; SET LOCAL ROLE plain")
    assert [str(conflict) for conflict in await find_conflicts(spoilt, MADE)] == [
        "user_profiles: is owned by nobodys, needs an owner that plain may act as"
    ]


async def test_what_is_changed_under_an_adopted_schema_is_told_by_the_plan(
    empty_database: str, migrated: str
) -> None:
    await make_app(empty_database, "B")
    await migrate(empty_database)
    assert await told(empty_database) == []
    await run_sql(empty_database, "ALTER TABLE conversation_chunks ALTER content TYPE bytea USING NULL")
    assert await told(empty_database) == [
        "conversation_chunks.content: is bytea, needs text or varchar without a length"
    ]
    assert await migrate(empty_database) == [], "nothing is missing"
