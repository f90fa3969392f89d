"""The store over REST, where only a real PostgREST tells: its keys, its cache, its limits, and its end."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest
from pydantic import SecretStr

from shared.domain.errors import MigrationError, SourceError, StoreError, UsageError
from shared.postgres import migrate as migrating
from shared.postgres import versions
from shared.postgres.migrate import migrate
from shared.postgres.versions import migrations_folder
from shared.resilience.faults import Fault, fault_of
from shared.settings import Settings, load_settings
from shared.store.open import opened_store
from shared.store.store import Store, open_rest_store
from tests.support.gateway import PUBLISHABLE, SECRET, Project, supabase_project
from tests.support.postgrest import MAX_ROWS
from tests.support.records import ANNA
from tests.support.waiting import until

NOBODY = UUID(int=0)


@pytest.fixture
async def rest(project: Project, database: str) -> AsyncIterator[Store]:
    async with open_rest_store(project.url, project.service_key) as store:
        yield store


async def test_a_key_of_the_newer_kind_works(project: Project, database: str) -> None:
    async with open_rest_store(project.url, SECRET) as store:
        await store.update_user_profile(ANNA, {"soul_md": "Ruhe \U0001f54a"})
        found = await store.read_profile(ANNA)
    assert found is not None
    assert found.soul_md == "Ruhe \U0001f54a"


async def test_keys_that_open_nothing_say_so(project: Project, database: str) -> None:
    for key, state, says in (
        (project.anon_key, "42501", "is SUPABASE_SERVICE_ROLE_KEY the service key"),
        (PUBLISHABLE, "42501", "is SUPABASE_SERVICE_ROLE_KEY the service key"),
        (project.expired_key, "28000", "the key has expired"),
        ("of another project", "28000", "is SUPABASE_SERVICE_ROLE_KEY this project's service key"),
    ):
        async with open_rest_store(project.url, key) as store:
            with pytest.raises(StoreError, match=says) as told:
                await store.read_profile(ANNA)
        assert (told.value.sqlstate, fault_of(told.value)) == (state, Fault.LANE)
        assert key not in str(told.value)


async def test_a_path_before_the_address_of_rest_is_no_project(project: Project, database: str) -> None:
    async with open_rest_store(f"{project.url}/rest/v1", project.service_key) as store:
        with pytest.raises(StoreError, match=r"refuses the call|no PostgREST answers there"):
            await store.read_profile(ANNA)


async def test_five_thousand_rows_are_five_thousand(rest: Store, sql: asyncpg.Connection) -> None:
    await sql.execute(
        "INSERT INTO user_names (user_id, name)"
        " SELECT gen_random_uuid(), 'n' || n FROM generate_series(1, 5000) n"
    )
    users = [UUID(str(each["user_id"])) for each in await sql.fetch("SELECT user_id FROM user_names")]
    assert len(await rest.read_user_names(users)) == 5000
    await sql.execute(
        "INSERT INTO imports (import_id, run, user_id, pipeline, source, requested_at)"
        " SELECT user_id, 1, user_id, 'v2', 's', now() FROM user_names"
    )
    found = await rest.list_users(limit=10_000)
    assert len(found) == 5000 > MAX_ROWS
    assert {each.user_id for each in found} == set(users)


async def test_a_text_of_nul_is_refused_as_on_a_direct_connection(rest: Store) -> None:
    with pytest.raises(StoreError, match="holds a NUL character") as told:
        await rest.update_user_profile(ANNA, {"soul_md": "a\0b"})
    assert told.value.sqlstate == "22P05"


async def test_a_function_has_the_time_that_it_sets(rest: Store, sql: asyncpg.Connection) -> None:
    await sql.execute(
        "CREATE FUNCTION dawdles(argument jsonb) RETURNS jsonb LANGUAGE sql SET statement_timeout = '50ms'"
        " AS $$ SELECT pg_sleep(60); SELECT '1'::jsonb $$; NOTIFY pgrst, 'reload schema'"
    )
    try:

        async def called() -> bool:
            with pytest.raises(StoreError) as told:
                await rest._transport.call("dawdles", {})
            return told.value.sqlstate == "57014"

        await until(called)
    finally:
        await sql.execute("DROP FUNCTION dawdles; NOTIFY pgrst, 'reload schema'")


async def test_what_the_cache_does_not_know_names_the_remedy(rest: Store) -> None:
    with pytest.raises(StoreError, match=r"apply the migrations; .* NOTIFY pgrst, 'reload schema'") as told:
        await rest._transport.call("nonesuch", {})
    assert (told.value.sqlstate, fault_of(told.value)) == ("42883", Fault.LANE)


async def test_calls_outlive_a_restart_of_postgrest(project: Project, database: str, rest: Store) -> None:
    await rest.update_user_profile(ANNA, {"soul_md": "before"})
    await project.rest.kill()
    try:
        calls = [asyncio.create_task(rest.read_profile(ANNA)) for _ in range(8)]
    finally:
        await project.rest.start()
    found = await asyncio.gather(*calls)
    assert {each.soul_md for each in found if each is not None} == {"before"}


async def test_a_killed_postgrest_is_the_lanes_trouble(
    project: Project, database: str, rest: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.store.rest.TRIALS", 2)
    await project.rest.kill()
    try:
        with pytest.raises(StoreError, match=r"cannot be reached over REST; .* \(HTTP 502\)") as told:
            await rest.read_profile(ANNA)
    finally:
        await project.rest.start()
    assert fault_of(told.value) is Fault.LANE
    assert await rest.read_profile(ANNA) is None


async def test_what_needs_a_session_names_the_address_to_use(rest: Store) -> None:
    with pytest.raises(UsageError, match=r"the store is over REST, .* DATABASE_URL .* port 5432"):
        async with rest.lock_user(uuid4()):
            pytest.fail("nobody may hold it")


def settings_of(project: Project) -> Settings:
    return load_settings(
        store="rest", supabase_url=project.url, supabase_service_role_key=SecretStr(project.service_key)
    )


async def test_a_store_over_rest_opens_where_the_schema_is_ours(
    project: Project, database: str, tmp_path: Path
) -> None:
    async with opened_store(settings_of(project)) as store:
        assert await store.read_profile(ANNA) is None
        with pytest.raises(SourceError, match="does not lie below an allowed folder"):
            await store.download_conversations("/exports/a.zip", tmp_path)


async def test_a_schema_that_is_behind_is_refused_and_then_waited_for(
    empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for file in migrations_folder().glob("*.sql"):
        shutil.copy(file, tmp_path)
    (tmp_path / "9998_next.sql").write_text("CREATE TABLE public.next (n integer);")
    await migrate(empty_database)
    async with supabase_project(empty_database) as project:
        for module in (migrating, versions):
            monkeypatch.setattr(module, "migrations_folder", lambda: tmp_path)
        with pytest.raises(
            MigrationError, match=r"1 of \d+ migrations are not applied, from 9998_next on; run"
        ):
            async with opened_store(settings_of(project)):
                pytest.fail("the schema is behind")
        waiting = asyncio.Event()
        async with asyncio.timeout(30), asyncio.TaskGroup() as tasks:

            async def open_patiently() -> None:
                async with opened_store(settings_of(project), waiting=lambda _: waiting.set()) as store:
                    assert await store.read_profile(ANNA) is None

            tasks.create_task(open_patiently())
            await waiting.wait()
            await migrate(empty_database, tmp_path)
        (tmp_path / "9998_next.sql").unlink()
        with pytest.raises(
            MigrationError, match="9998_next: applied to this database, but its file is missing"
        ):
            async with opened_store(settings_of(project)):
                pytest.fail("the schema is ahead")


async def test_a_schema_that_comes_later_is_read_without_a_restart(
    empty_database: str, postgres: str
) -> None:
    async with supabase_project(empty_database) as project:
        with pytest.raises(StoreError, match="apply the migrations"):
            async with opened_store(settings_of(project)):
                pytest.fail("there is no schema")
        await migrate(empty_database)

        async def opens() -> bool:
            try:
                async with opened_store(settings_of(project)):
                    return True
            except StoreError:
                return False

        await until(opens)
