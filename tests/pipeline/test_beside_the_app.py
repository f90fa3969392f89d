"""Services over the app's own tables: what the app, and those who change its database, do meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from structlog.testing import capture_logs

from shared.host.host import Host
from shared.pipelines import CHUNKS_READY, IMPORT_RECEIVED, MEMORY_READY
from shared.postgres.migrate import migrate
from shared.requests.accept import accept
from shared.requests.request import request_of
from shared.resilience.lane import FAULTS
from shared.store.store import Store
from tests.support.app_schema import app_database, sign_up
from tests.support.app_statements import ask
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted
from tests.support.waiting import until

SECRET = "words of a person"


@pytest.fixture(scope="module")
async def beside(postgres: str, migrated: str) -> AsyncIterator[str]:
    """The DSN of the app's database, adopted; tests share it, each with persons of its own."""
    async with app_database(postgres, "A") as dsn:
        await migrate(dsn)
        yield dsn


@pytest.fixture
def database(beside: str) -> str:
    """For `store`, `sql` and `setting` too."""
    return beside


@pytest.fixture
async def anna(sql: asyncpg.Connection) -> UUID:
    """A person whom the app knows."""
    user = uuid4()
    await sign_up(sql, user)
    return user


@pytest.fixture
def logs() -> Iterator[list[Any]]:
    """What was logged."""
    with capture_logs() as lines:
        yield lines


def lane(host: Host, service: str) -> tuple[bool, str]:
    """Whether faults hold a service's lane, and what it says of that."""
    (running,) = (each for each in host.running if each.name == service)
    state = running.state()
    holds = {} if state is None else state[0].holds
    return FAULTS in holds, str(holds)


async def test_a_user_whom_the_app_does_not_know_ends_the_run_at_its_start(
    setting: LocalSetting, store: Store, exports: Path, anna: UUID
) -> None:
    asked = request_of(str(exports / "small.zip"), uuid4(), setting.settings())
    async with hosted(setting) as host:
        event = (await accept(asked, store, setting.settings())).event
        await setting.publish(setting.topic(IMPORT_RECEIVED), event)
        run = await ended(store, event)
        assert run.state == "failed"
        assert run.error is not None
        assert "is the user known to the app (auth.users)? (SQLSTATE 23503)" in run.error["message"]
        assert not lane(host, "chunker")[0], "it is the record's fault, and nobody waits"
        (letter,) = setting.log.letters(setting.topic(IMPORT_RECEIVED))
        assert letter.attempts == 1, "trying again would not help"
        known = await setting.import_of(exports / "small.zip", anna)
        assert (await ended(store, known)).state == "complete"
    assert setting.published(CHUNKS_READY, 1)
    assert {each.user_id for each in setting.events(CHUNKS_READY)} == {anna}


async def test_a_user_deleted_in_mid_import_ends_it_and_leaves_nothing_in_the_apps_tables(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path, anna: UUID
) -> None:
    setting.changes["import_window"] = 4
    boris = uuid4()
    await sign_up(sql, boris)
    async with hosted(setting, ("chunker",)):
        at_reading = await setting.import_of(exports / "large.zip", anna)
        at_writing = await setting.import_of(exports / "small.zip", boris)
        await until(lambda: setting.published(CHUNKS_READY, 5))
        await sql.execute("DELETE FROM auth.users WHERE id = $1", anna)
        async with hosted(setting, ("extractor", "consolidator")):
            run = await ended(store, at_reading)
            assert run.state == "failed"
            assert run.error is not None
            assert "23503" in run.error["message"]
            await until(lambda: setting.published(MEMORY_READY, 1))
    await sql.execute("DELETE FROM auth.users WHERE id = $1", boris)
    async with hosted(setting, ("writer",)):
        run = await ended(store, at_writing)
        assert run.state == "failed"
        assert run.error is not None
        assert "23503" in run.error["message"]
    for table in ("user_profiles", "conversation_chunks"):
        count = f"SELECT count(*) FROM {table} WHERE user_id = ANY ($1)"
        assert await sql.fetchval(count, [anna, boris]) == 0


async def test_a_column_retyped_under_us_pauses_the_lane_until_it_is_mended(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path, anna: UUID, logs: list[Any]
) -> None:
    retype = "ALTER TABLE conversation_chunks ALTER content TYPE {0} USING {1}"
    await sql.execute(retype.format("jsonb", "to_jsonb(content)"))
    try:
        async with hosted(setting) as host:
            event = await setting.import_of(exports / "small.zip", anna)
            await until(lambda: lane(host, "chunker")[0])
            said = lane(host, "chunker")[1]
            assert "a column has another type than SoulPrint's; soulprint migrate --plan names it" in said
            await sql.execute(retype.format("text", "content #>> '{}'"))
            run = await ended(store, event)
            assert (run.state, run.chunks_dead) == ("complete", 0)
    finally:
        if await sql.fetchval("SELECT pg_typeof(content)::text FROM conversation_chunks LIMIT 1") == "jsonb":
            await sql.execute(retype.format("text", "content #>> '{}'"))
    assert setting.reasons(IMPORT_RECEIVED) == []


@asynccontextmanager
async def refusing(sql: asyncpg.Connection, table: str, user: UUID) -> AsyncIterator[None]:
    """A trigger of the app's refuses one person's rows, and says what was in them."""
    await sql.execute(f"""
        CREATE FUNCTION public.apps_own() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF new.user_id = '{user}' THEN
                RAISE EXCEPTION '{SECRET}: %', new USING DETAIL = new::text, HINT = new::text;
            END IF;
            RETURN new;
        END $$;
        CREATE TRIGGER apps_own BEFORE INSERT OR UPDATE ON {table}
            FOR EACH ROW EXECUTE FUNCTION public.apps_own();
        """)
    try:
        yield
    finally:
        await sql.execute("DROP FUNCTION public.apps_own CASCADE")


async def test_a_trigger_of_the_apps_that_raises_is_told_in_our_words_and_nothing_is_lost(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path, anna: UUID, logs: list[Any]
) -> None:
    """One that raises for good fails its import alone: `tests/pipeline/test_refusing_database.py`."""
    async with hosted(setting) as host:
        async with refusing(sql, "conversation_chunks", anna):
            event = await setting.import_of(exports / "small.zip", anna)
            await until(lambda: lane(host, "chunker")[0])
            said = lane(host, "chunker")[1]
        run = await ended(store, event)
    assert "a trigger or function that is not SoulPrint's refused it (SQLSTATE P0001)" in said
    assert (run.state, run.chunks_dead) == ("complete", 0)
    assert "P0001" in json.dumps(logs, default=str)
    assert SECRET not in json.dumps([said, logs], default=str)


async def test_what_the_app_writes_to_a_profile_meanwhile_is_kept_and_so_is_ours(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path, anna: UUID
) -> None:
    setting.changes["profile_format"] = "app"
    counts = (
        "UPDATE user_profiles SET quality_breakdown = jsonb_build_object("
        "'n', coalesce((quality_breakdown ->> 'n')::integer, 0) + 1) WHERE user_id = $1"
    )
    async with hosted(setting):
        event = await setting.import_of(exports / "large.zip", anna)
        importing = asyncio.create_task(ended(store, event))
        writes = 0
        while not importing.done():
            await sql.execute(counts, anna)
            await ask(sql, "name chosen", anna, keep=True)
            await ask(sql, "pillars", anna, keep=True)
            writes += 1
        assert (await importing).state == "complete"
    row = await sql.fetchrow("SELECT * FROM user_profiles WHERE user_id = $1", anna)
    assert row is not None
    assert json.loads(row["quality_breakdown"]) == {"n": writes}
    assert (row["ai_name"], row["pillars_completed"]) == ("Bo", True), "a name that was chosen stays"
    assert (row["import_status"], row["full_pass_status"]) == ("complete", "complete")
    assert (row["progress_percent"], row["import_stage"]) == (100, "Complete")
    assert row["memory_md"]
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert await sql.fetchval(deadlocks) == 0
    assert [setting.reasons(name) for name in (IMPORT_RECEIVED, CHUNKS_READY, MEMORY_READY)] == [[]] * 3
