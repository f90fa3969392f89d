"""`soulprint migrate --plan`: every statement that would be run, and nothing is changed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from scripts.schema import schema_of
from shared.domain.errors import MigrationError
from shared.postgres.migrate import migrate, plan
from shared.postgres.plan import Plan
from shared.postgres.statements import split
from shared.postgres.turn import Patience
from shared.postgres.versions import load_migrations, migrations_folder
from soulprint.migrate import told
from tests.support.app_schema import Form, app_database
from tests.support.catalogue import catalogue_of
from tests.support.command import Soulprint
from tests.support.databases import run_sql
from tests.support.forking import ForkedSoulprint, ForkServer

ADDED = ["import_id uuid", "run integer", "pipeline text"]
BY_HAND = ["archetype text", "storage_path text", "file_type text DEFAULT 'json'", "import_cost_json text"]


def ran(planned: Plan, file: str) -> list[str]:
    """The statements of one file, those that its blocks ran as they say it."""
    return [text for step in planned.steps if step.file == file for text in step.ran or (step.statement,)]


async def test_an_empty_database_would_get_every_statement(empty_database: str, migrated: str) -> None:
    """Roles are there already: they belong to the server."""
    planned = await plan(empty_database)
    migrations = load_migrations(migrations_folder())
    assert planned.versions == [migration.version for migration in migrations]
    run = {step.statement for step in planned.steps}
    for migration in migrations:
        for statement in split(migration.sql):
            if statement.startswith(("CREATE TABLE", "CREATE FUNCTION", "CREATE POLICY", "GRANT", "REVOKE")):
                assert statement in run, migration.version
    assert "ALTER TABLE public.user_profiles ENABLE ROW LEVEL SECURITY" in ran(planned, "0007_user_profiles")
    connection = await asyncpg.connect(empty_database)
    try:
        tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        assert await connection.fetchval(tables) == 0
        assert await connection.fetchval("SELECT to_regnamespace('auth')") is None
    finally:
        await connection.close()
    assert await migrate(empty_database) == planned.versions


@pytest.mark.parametrize("form", ["A", "B"])
async def test_of_the_apps_tables_only_what_they_lack_is_listed(
    postgres: str, migrated: str, form: Form
) -> None:
    async with app_database(postgres, form) as dsn:
        connection = await asyncpg.connect(dsn)
        try:
            before, dump = await catalogue_of(connection), schema_of(dsn)
            planned = await plan(dsn)
            assert await catalogue_of(connection) == before
            assert schema_of(dsn) == dump
        finally:
            await connection.close()
    its = [s for s in ran(planned, "0007_user_profiles") if " public.user_profiles " in s.split("(")[0]]
    columns = [*(BY_HAND if form == "A" else []), *ADDED]
    add = "ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS"
    assert its[: len(columns)] == [f"{add} {column}" for column in columns]
    rest = its[len(columns) :]
    if form == "A":
        widened = rest.pop(0)
        assert widened.startswith(
            "ALTER TABLE public.user_profiles DROP CONSTRAINT user_profiles_import_status"
        )
        assert "'failed'" in widened or ",failed" in widened
    assert [s.split(" ON ")[0] for s in rest] == [
        "GRANT SELECT, INSERT, UPDATE, DELETE",
        "CREATE POLICY soulprint_services",
    ]
    its = [
        s for s in ran(planned, "0003_conversation_chunks") if "public.conversation_chunks" in s.split("(")[0]
    ]
    assert [s.split(" (")[0].split(" CHECK")[0] for s in its] == [
        "ALTER TABLE public.conversation_chunks ADD COLUMN IF NOT EXISTS passage_index integer",
        "ALTER TABLE public.conversation_chunks ADD COLUMN IF NOT EXISTS token_count integer",
        "CREATE UNIQUE INDEX IF NOT EXISTS conversation_chunks_of_conversation\n"
        "    ON public.conversation_chunks",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON public.conversation_chunks TO service_role",
        "CREATE POLICY soulprint_services ON public.conversation_chunks TO service_role USING",
    ]


@pytest.mark.slow
async def test_a_person_reads_one_line_a_statement_and_a_program_all(
    postgres: str, migrated: str, tmp_path: Path, fork_server: ForkServer
) -> None:
    async with app_database(postgres, "A") as dsn:
        lines = told(await plan(dsn))
        soulprint = ForkedSoulprint(Soulprint(tmp_path, (("SOULPRINT_DATABASE_URL", dsn),)), fork_server)
        done = await asyncio.to_thread(soulprint, "migrate", "--plan", "--json")
        applied = await asyncio.to_thread(soulprint, "migrate", "--json")
        assert told(await plan(dsn)) == ["the schema is up to date"]
    assert "0007_user_profiles" in lines
    assert "  ALTER TABLE public.user_profiles ADD COLUMN IF NOT EXISTS run integer" in lines
    assert all(len(line) <= 110 for line in lines)
    assert lines[-1].endswith("would be run; nothing was changed (--json has each of them whole)")
    assert done.code == applied.code == 0
    assert done.json()["missing"] == applied.json()["applied"]
    assert done.json()["conflicts"] == []
    bodies = [step for step in done.json()["statements"] if step["file"] == "0009_memory"]
    assert any("jsonb_build_object" in step["statement"] for step in bodies), "whole"


async def test_a_plan_waits_long_for_nobody_and_names_a_statement_that_is_refused(
    empty_database: str, tmp_path: Path
) -> None:
    (tmp_path / "0001_a.sql").write_text("CREATE TABLE a (n integer);")
    await migrate(empty_database, tmp_path)
    (tmp_path / "0002_b.sql").write_text("ALTER TABLE a ADD COLUMN m integer;")
    reader = await asyncpg.connect(empty_database)
    try:
        async with reader.transaction():
            await reader.fetch("SELECT * FROM a")
            quick = Patience(turn=0.2, lock=0.2, trials=2, rest=0.0)
            with pytest.raises(MigrationError, match=r"0002_b: what it changes is in use"):
                await plan(empty_database, tmp_path, quick)
    finally:
        await reader.close()
    await run_sql(empty_database, "INSERT INTO a VALUES (1)")
    (tmp_path / "0002_b.sql").write_text("ALTER TABLE a ADD CHECK (n > 1);")
    with pytest.raises(MigrationError, match=r"0002_b: refused: .* \(SQLSTATE 23514\)"):
        await plan(empty_database, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["A", "B"])
async def test_the_statements_as_they_are_listed_make_the_schema(postgres: str, form: Form) -> None:
    async with app_database(postgres, form) as dsn:
        planned = await plan(dsn)
        connection = await asyncpg.connect(dsn)
        try:
            async with connection.transaction():
                for step in planned.steps:
                    for statement in step.ran or (step.statement,):
                        await connection.execute(statement)
        finally:
            await connection.close()
        assert told(await plan(dsn)) == ["the schema is up to date"]
        listed = schema_of(dsn)
    async with app_database(postgres, form) as dsn:
        await migrate(dsn)
        assert listed == schema_of(dsn)
