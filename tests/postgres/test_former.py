"""A database of before the first release: its rows are people's memories, and are shown as before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import asyncpg
import orjson
import pytest

from scripts.schema import schema_of
from shared.domain.errors import MigrationError
from shared.postgres import former
from shared.postgres.migrate import migrate, plan
from shared.postgres.versions import load_migrations, migrations_folder
from shared.store.store import open_store
from tests.support.databases import run_sql
from tests.support.records import ANNA, BORIS, IMPORT

SCHEMA = Path(__file__).parents[1] / "data" / "former.sql"
FACTS = orjson.loads(Path(former.__file__).with_name("former.json").read_bytes())
EARLIER = UUID(int=0xE)
OTHER = UUID(int=0xF)
ROWS = f"""
INSERT INTO imports (import_id, run, user_id, pipeline, source, state, progress_percent)
VALUES
    ('{EARLIER}', 1, '{ANNA}', 'v2', '/e.zip', 'complete', 100),
    ('{IMPORT}', 1, '{ANNA}', 'v2', '/a.zip', 'complete', 100),
    ('{IMPORT}', 2, '{ANNA}', 'v2', '/a.zip', 'complete', 100),
    ('{OTHER}', 1, '{BORIS}', 'v2', '/b.zip', 'extracting', 33.4);
INSERT INTO user_profiles (user_id, soul_md, tools_md, memory_md, soulprint_text, full_pass_status,
                           progress_percent, import_stage, import_id, run, pipeline, memory_import_id,
                           memory_run)
VALUES ('{ANNA}', '# Soul', '# Tools', '# Memory', 'All', 'complete', 100, 'complete', '{IMPORT}', 2, 'v2',
        '{IMPORT}', 2),
       ('{BORIS}', NULL, NULL, NULL, NULL, 'processing', 33.4, 'extracting', NULL, NULL, NULL, NULL, NULL);
INSERT INTO profile_versions (user_id, version, import_id, run, pipeline, soul_md, memory_md, written_at,
                              memory_import_id, memory_run)
OVERRIDING SYSTEM VALUE
VALUES ('{ANNA}', 7, '{EARLIER}', 1, 'v2', '# Before', '# Old', now(), '{EARLIER}', 1);
INSERT INTO facts (import_id, run, fact_id, user_id, category, matter, statement, quote, message_ids,
                   conversation_id, stated_at, confidence, source_kind, chunk_index)
SELECT import_id, run, gen_random_uuid(), user_id, 'beliefs', 'm', 'Of ' || source || run, 'q', '{{m}}', 'c1',
       '2024-05-01+00', 0.9, 'conversation', 0 FROM imports WHERE state = 'complete';
INSERT INTO conversation_chunks
    (user_id, conversation_id, passage_index, title, content, token_count, created_at)
VALUES ('{ANNA}', 'c1', 0, 'Moving', 'User: I live in Porto.', 600, '2024-05-01+00'),
       ('{ANNA}', 'c1', 1, 'Moving', 'User: without a time', 20, NULL);
INSERT INTO conversation_runs (user_id, conversation_id, requested_at, ordinal)
VALUES ('{ANNA}', 'c1', now(), 2);
INSERT INTO extraction_cache (user_id, content_hash, model, prompt_version, facts)
VALUES ('{ANNA}', 'hash', 'offline', 'v1', '[]');
INSERT INTO user_names (user_id, name) VALUES ('{ANNA}', 'anna');
"""


@pytest.fixture
async def before(empty_database: str, migrated: str) -> AsyncIterator[asyncpg.Connection]:
    """A database as the former files left it, with rows; `empty_database` is its DSN."""
    await run_sql(empty_database, SCHEMA.read_text())
    connection = await asyncpg.connect(empty_database)
    try:
        await connection.executemany(
            "INSERT INTO soulprint_migrations VALUES ($1, $2)", list(FACTS["versions"].items())
        )
        await connection.execute(ROWS)
        yield connection
    finally:
        await connection.close()


async def test_memory_facts_and_passages_are_shown_as_before(
    before: asyncpg.Connection, empty_database: str
) -> None:
    versions = [migration.version for migration in load_migrations(migrations_folder())]
    planned = await plan(empty_database)
    assert (planned.versions, planned.conflicts) == (versions, [])
    assert await migrate(empty_database) == versions
    async with open_store(empty_database) as store:
        profile = await store.read_profile(ANNA)
        assert profile is not None
        assert (profile.soul_md, profile.tools_md, profile.memory_md) == ("# Soul", "# Tools", "# Memory")
        assert [fact.statement for fact in await store.list_facts(ANNA, limit=10)] == ["Of /a.zip2"]
        first, second = await store.read_passages(ANNA, "c1")
        assert (first.content, first.chunk_tier) == ("User: I live in Porto.", "medium")
        assert first.created_at == datetime(2024, 5, 1, tzinfo=UTC)
        assert (second.created_at, second.chunk_tier) == (None, "micro")
        assert len(await store.search_passages(ANNA, "porto", limit=10)) == 1
        assert {run.run: run.state for run in await store.list_runs(IMPORT)} == {1: "complete", 2: "complete"}
        assert await store.cached_hashes(ANNA, "offline", "v1", ["hash"]) == {"hash"}
        assert [user.name for user in await store.list_users(limit=10)] == [None, "anna"]
        unfinished = await store.read_profile(BORIS)
        assert unfinished is not None
        assert unfinished.progress_percent == 33


async def test_what_was_replaced_can_be_served_again_and_numbers_go_on(
    before: asyncpg.Connection, empty_database: str
) -> None:
    await migrate(empty_database)
    async with open_store(empty_database) as store:
        assert (await store.accept_memory(EARLIER)).written
        profile = await store.read_profile(ANNA)
        assert profile is not None
        assert (profile.soul_md, profile.memory_md) == ("# Before", "# Old")
        assert [fact.statement for fact in await store.list_facts(ANNA, limit=10)] == ["Of /e.zip1"]
        assert (await store.accept_memory(IMPORT)).written, "what was served before can come back"
        await store.accept_import(IMPORT, ANNA, "/a.zip", "v2")
        newest = await before.fetchval("SELECT max(ordinal) FROM imports")
        assert newest == await before.fetchval("SELECT count(*) FROM imports")


async def test_it_ends_with_the_schema_of_an_empty_one(
    before: asyncpg.Connection, empty_database: str, migrated: str
) -> None:
    await migrate(empty_database)
    assert schema_of(empty_database) == schema_of(migrated)
    assert await before.fetchval("SELECT to_regnamespace('soulprint_former')") is None


async def test_a_plan_leaves_it_as_it_was(before: asyncpg.Connection, empty_database: str) -> None:
    told = schema_of(empty_database)
    rows = await before.fetch("SELECT * FROM conversation_chunks ORDER BY passage_index")
    assert (await plan(empty_database)).steps
    assert schema_of(empty_database) == told
    assert await before.fetch("SELECT * FROM conversation_chunks ORDER BY passage_index") == rows


async def test_one_that_was_not_brought_up_to_date_is_refused_in_words(
    before: asyncpg.Connection, empty_database: str
) -> None:
    await before.execute("DELETE FROM soulprint_migrations WHERE version > '0018'")
    with pytest.raises(MigrationError, match=r"before the first release, with 17 of its 21 migrations"):
        await migrate(empty_database)
