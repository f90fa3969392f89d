"""What `soulprint doctor` finds in a database and a project, and that its advice helps."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from shared.postgres.migrate import migrate
from shared.postgres.versions import migrations_folder
from shared.settings import load_settings
from shared.store.store import Store, open_store
from soulprint.doctor.access import check_access
from soulprint.doctor.check import Check
from soulprint.doctor.database import check_database
from soulprint.doctor.project import check_project
from tests.support.app_schema import app_database
from tests.support.databases import run_sql
from tests.support.gateway import SECRET, Project
from tests.support.kafka import free_port
from tests.support.pgbouncer import pgbouncer
from tests.support.storage_server import Storage, storage_server

WORKER = """
DO $$
BEGIN
    IF to_regrole('looking') IS NULL THEN
        CREATE ROLE looking LOGIN IN ROLE soulprint_service;
    END IF;
END
$$
"""


async def found(dsn: str) -> dict[str, Check]:
    """What is said of a database, by name."""
    return {check.name: check for check in await check_database(load_settings(database_url=dsn))}


async def rights(store: Store) -> dict[str, Check]:
    """What is said of who may do what."""
    return {check.name: check for check in await check_access(store, login=True)}


@pytest.fixture
async def changed(empty_database: str) -> AsyncIterator[asyncpg.Connection]:
    """A superuser on a migrated database of the test's own; it may be changed."""
    await migrate(empty_database)
    connection = await asyncpg.connect(empty_database)
    try:
        yield connection
    finally:
        await connection.close()


async def test_a_database_as_it_should_be_needs_nothing_and_a_superuser_is_told_of_a_better_login(
    database: str,
) -> None:
    checks = await found(database)
    assert [*checks] == ["database", "pooler", "schema", "roles", "exposure", "embeddings"]
    assert all(check.ok for check in checks.values()), checks
    assert checks["roles"].word == "note"
    assert "the login postgres is a superuser" in checks["roles"].found
    assert "IN ROLE soulprint_service" in checks["roles"].advice
    await run_sql(database, WORKER)
    checks = await found(database.replace("postgres@", "looking@"))
    assert all(check.word == "ok" for check in checks.values()), checks
    assert checks["roles"].found == "the login looking may call functions and nothing else"
    assert checks["embeddings"].found.endswith("search goes by words"), "there is no app to speak of"
    beside = await check_database(load_settings(database_url=database, profile_format="app"))
    assert beside[-1].advice == "the app's chat finds only passages that have an embedding"


async def test_a_schema_that_is_not_there_or_behind_or_changed_is_told(
    database: str, empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run_sql(database, WORKER)
    schema = (await found(empty_database))["schema"]
    assert (schema.ok, schema.found) == (False, "not there")
    assert schema.advice.startswith("run `soulprint migrate`")
    asked = empty_database.replace("postgres@", "looking@")
    assert "as who owns the schema: this login may not" in (await found(asked))["schema"].advice
    await migrate(empty_database)
    newer = tmp_path / "migrations"
    shutil.copytree(migrations_folder(), newer)
    (newer / "0999_later.sql").write_text("CREATE TABLE public.later ();")
    with monkeypatch.context() as patched:
        patched.setattr("shared.postgres.inspection.migrations_folder", lambda: newer)
        for dsn in (empty_database, asked):
            checks = await found(dsn)
            assert re.match(r"behind: 1 of \d+ migrations from 0999_later on", checks["schema"].found), checks
            assert "roles" not in checks, "it is not to be asked for what it may lack"
    await run_sql(
        empty_database, "UPDATE soulprint_migrations SET checksum = 'x' WHERE version = '0001_roles'"
    )
    assert "0001_roles: changed after it was applied" in (await found(empty_database))["schema"].advice


async def test_what_stands_in_the_way_of_the_schema_is_named(postgres: str) -> None:
    async with app_database(postgres, "C") as dsn:
        schema = (await found(dsn))["schema"]
    assert "4 conflicts: " in schema.found
    assert "user_profiles.progress_percent: is text, needs a number type; " in schema.found
    assert "migrate --plan" in schema.advice


async def test_a_column_retyped_under_us_is_named(changed: asyncpg.Connection, empty_database: str) -> None:
    await changed.execute("ALTER TABLE user_profiles ALTER COLUMN import_stage TYPE json USING NULL")
    schema = (await found(empty_database))["schema"]
    assert (schema.ok, schema.found) == (
        False,
        "changed under SoulPrint: user_profiles.import_stage: is json, needs text or varchar",
    )


OPENED = {
    "GRANT EXECUTE ON FUNCTION public.read_profile(jsonb) TO anon": "anon has EXECUTE on read_profile",
    "GRANT EXECUTE ON FUNCTION public.is_newest_run(public.imports) TO anon": (
        "anon has EXECUTE on is_newest_run"
    ),
    "GRANT SELECT ON facts TO anon": "anon has SELECT on facts",
    "GRANT SELECT (quote) ON facts TO anon": "anon has SELECT on facts",
    "GRANT UPDATE ON imports TO authenticated": "authenticated has UPDATE on imports",
    "GRANT TRUNCATE ON imports TO authenticated": "authenticated has TRUNCATE on imports",
    "ALTER TABLE facts DISABLE ROW LEVEL SECURITY": "authenticated has SELECT on facts",
    "CREATE POLICY wide ON facts TO authenticated USING (true)": "authenticated has SELECT on facts",
    "ALTER VIEW run_usage RESET (security_invoker)": "authenticated has SELECT on run_usage",
    "GRANT SELECT ON soulprint_migrations TO anon": "anon has SELECT on soulprint_migrations",
    "GRANT CREATE ON SCHEMA public TO authenticated": "authenticated has CREATE on public",
}
"""What somebody does, and what doctor says of it."""
MENDED = """
GRANT SELECT ON facts, run_usage TO authenticated;
DROP POLICY IF EXISTS wide ON facts;
ALTER TABLE facts ENABLE ROW LEVEL SECURITY;
ALTER VIEW run_usage SET (security_invoker = true);
"""
"""Gives back what closing took away."""
AMISS = {
    "ALTER FUNCTION watch_run(jsonb) SECURITY INVOKER": "cannot call, or would act with",
    "REVOKE EXECUTE ON FUNCTION watch_run(jsonb) FROM soulprint_service": "cannot call, or would act with",
    "ALTER FUNCTION watch_run(jsonb) OWNER TO postgres": "act as a superuser: watch_run",
    "GRANT SELECT ON facts TO soulprint_service": "soulprint_service has SELECT on facts",
    "GRANT EXECUTE ON FUNCTION is_newest_run(imports) TO soulprint_service": (
        "soulprint_service has EXECUTE on is_newest_run"
    ),
}
"""The same of the services' own role."""


async def test_what_is_open_to_whom_it_must_not_be_is_told_and_the_advice_closes_it(
    changed: asyncpg.Connection, empty_database: str
) -> None:
    async with open_store(empty_database) as store:
        for opening, told in OPENED.items():
            await changed.execute(opening)
            exposure = (await rights(store))["exposure"]
            assert (exposure.ok, exposure.found) == (False, f"open to whom it must not be: {told}"), opening
            statement = re.search(r": (REVOKE .*?);", exposure.advice)
            assert statement is not None, exposure
            await changed.execute(statement[1])
            assert (await rights(store))["exposure"].ok, opening
            await changed.execute(MENDED)


async def test_what_services_may_not_and_may_too_much_is_told_and_the_advice_mends_it(
    changed: asyncpg.Connection, empty_database: str
) -> None:
    async with open_store(empty_database) as store:
        for done, told in AMISS.items():
            await changed.execute(done)
            roles = (await rights(store))["roles"]
            assert not roles.ok, done
            assert told in roles.found, done
            statement = re.search(r": (ALTER .*?|REVOKE .*?); (?:or|and so)", roles.advice)
            assert statement is not None, roles
            await changed.execute(statement[1])
            assert (await rights(store))["roles"].ok, done


async def test_the_pooler_is_told_by_what_it_does(database: str) -> None:
    async with pgbouncer(database) as pooled:
        pooler = (await found(pooled))["pooler"]
        assert (pooler.word, "port 5432" in pooler.advice) == ("note", True)
        checks = await found(f"{pooled}?pgbouncer=false")
        assert not checks["pooler"].ok
        assert "leave ?pgbouncer=false out" in checks["pooler"].advice
    pooler = (await found(f"{database}&pgbouncer=true"))["pooler"]
    assert (pooler.word, "though the address says" in pooler.found) == ("note", True)


async def test_a_database_that_is_not_reached_is_told(database: str) -> None:
    checks = await found(f"postgresql://u:secret@127.0.0.1:{free_port()}/d")
    assert (checks["database"].ok, "cannot be reached" in checks["database"].advice) == (False, True)
    checks = await found(database.replace("/migrated", "/gone"))
    assert "the database does not exist" in checks["database"].advice
    assert "secret" not in str(checks)


async def test_over_rest_the_same_is_looked_at(
    database: str, project: Project, sql: asyncpg.Connection
) -> None:
    async def over_rest(key: str) -> dict[str, Check]:
        settings = load_settings(supabase_url=project.url, supabase_service_role_key=key)
        assert settings.store_kind == "rest"
        return {check.name: check for check in await check_database(settings)}

    for key in (project.service_key, SECRET):
        checks = await over_rest(key)
        assert [*checks] == ["database", "schema", "roles", "exposure", "embeddings"]
        assert all(check.word == "ok" for check in checks.values()), checks
    assert not (await over_rest(project.expired_key))["database"].ok
    await sql.execute("GRANT SELECT ON facts TO anon")
    try:
        assert (await over_rest(SECRET))["exposure"].found.endswith("anon has SELECT on facts")
    finally:
        await sql.execute("REVOKE SELECT ON facts FROM anon")


@pytest.fixture
async def storage() -> AsyncIterator[Storage]:
    async with storage_server("service-key") as server:
        server.make_bucket("imports", limit=10 * 1024**3, types=["application/zip", "application/json"])
        yield server


async def test_the_bucket_is_looked_at(storage: Storage) -> None:
    async def told(**settings: Any) -> Check:
        given = {"supabase_url": storage.url, "supabase_service_role_key": "service-key"} | settings
        return (await check_project(load_settings(**given)))[-1]

    assert (await told()).found == "imports, private"
    storage.make_bucket("imports", limit=50 * 1024**2)
    assert ((await told()).word, (await told()).found) == (
        "note",
        "imports, private, takes at most 52,428,800 bytes",
    )
    storage.make_bucket("imports", types=["application/zip"])
    assert ((await told()).ok, (await told()).found) == (False, "imports takes no application/json")
    storage.make_bucket("imports", public=True)
    assert ((await told()).ok, "public" in (await told()).found) == (False, True)
    missing = await told(import_buckets="exports")
    assert (missing.ok, "no bucket exports" in missing.found) == (False, True)
    refused = await told(supabase_service_role_key="another")
    assert (refused.ok, "may not look at imports" in refused.found) == (False, True)
    half = await told(supabase_service_role_key=None)
    assert (half.ok, half.found) == (False, "SUPABASE_SERVICE_ROLE_KEY is not set")
    assert await check_project(load_settings()) == []


async def test_a_key_says_itself_that_it_is_of_no_use(project: Project) -> None:
    async def told(url: str, key: str) -> Check:
        return (await check_project(load_settings(supabase_url=url, supabase_service_role_key=key)))[0]

    expired = await told(project.url, project.expired_key)
    assert (expired.ok, "the service key expired at 20" in expired.found) == (False, True)
    foreign = project.signer.token("service_role", ref="abcdefgh")
    assert (await told("https://abcdefgh.supabase.co", foreign)).ok
    other = await told("https://stuvwxyz.supabase.co", foreign)
    assert (other.ok, other.found.endswith("the service key is another project's")) == (False, True)
    assert foreign not in str(other)
