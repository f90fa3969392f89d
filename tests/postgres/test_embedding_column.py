"""The column for embeddings: made where it is missing and wanted, and the app's own left as it is."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from shared.domain.errors import MigrationError, UsageError
from shared.postgres.embeddings import prepare_embeddings
from shared.postgres.migrate import migrate
from shared.postgres.turn import Patience
from shared.settings import load_settings
from shared.store.embeddings import EmbeddingColumn
from shared.store.open import opened_store
from shared.store.store import open_store
from soulprint.migrate import migrate_command
from tests.support.app_schema import app_database, fill, person
from tests.support.databases import Emptier, run_sql
from tests.support.embeddings import claimed, embed_all, given, passages, vector_of
from tests.support.fake_embeddings import MODEL
from tests.support.records import ANNA


async def test_the_column_is_made_once_and_stays_as_it_is(empty_database: str) -> None:
    await migrate(empty_database)
    made = await prepare_embeddings(empty_database, 5)
    assert [line.split()[0] for line in made] == ["extension", "column", "index", "trigger"]
    assert await prepare_embeddings(empty_database, 7) == []
    async with open_store(empty_database) as store:
        assert await store.embedding_column() == EmbeddingColumn("vector", 5)


async def test_a_store_is_opened_with_the_column_where_a_server_is_set(empty_database: str) -> None:
    server = {"embeddings_url": "http://host/v1", "embeddings_model": MODEL}
    async with opened_store(load_settings(database_url=empty_database)) as store:
        assert await store.embedding_column() is None
    async with opened_store(load_settings(database_url=empty_database, **server)) as store:
        assert await store.embedding_column() == EmbeddingColumn("vector", 768)


async def test_a_plan_says_what_would_be_made_and_makes_nothing(
    empty_database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def planned() -> str:
        await asyncio.to_thread(migrate_command, only_plan=True, as_json=False)
        return capsys.readouterr().out

    for name, value in (("URL", "http://host/v1"), ("MODEL", MODEL), ("DIMENSIONS", "5")):
        monkeypatch.setenv(f"SOULPRINT_EMBEDDINGS_{name}", value)
    monkeypatch.setenv("SOULPRINT_DATABASE_URL", empty_database)
    assert "  SELECT public.prepare_embeddings(5)" in await planned()
    await migrate(empty_database)
    assert "  column conversation_chunks.embedding vector(5)" in await planned()
    assert len(await prepare_embeddings(empty_database, 5)) == 4, "nothing was made before"
    assert "up to date" in await planned()


async def test_a_server_without_pgvector_migrates_and_says_what_is_missing(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(empty_database)
    await run_sql(
        empty_database,
        """CREATE OR REPLACE FUNCTION prepare_embeddings(numbers integer) RETURNS text[]
        LANGUAGE plpgsql AS $$ BEGIN CREATE EXTENSION there_is_none; RETURN '{}'; END $$""",
    )
    with pytest.raises(MigrationError, match="has no extension vector"):
        await prepare_embeddings(empty_database, 5)


@pytest.mark.parametrize("role", ["service_role", "soulprint_service"])
async def test_who_does_not_own_the_table_is_told_who_should(empty_database: str, role: str) -> None:
    await migrate(empty_database)
    login = f"login_{uuid4().hex[:8]}"
    await run_sql(empty_database, f"CREATE ROLE {login} LOGIN; GRANT {role} TO {login}")
    theirs = empty_database.replace("postgres@", f"{login}@")
    try:
        with pytest.raises(MigrationError, match=r"soulprint migrate. as the owner"):
            await prepare_embeddings(theirs, 5)
        await prepare_embeddings(empty_database, 5)
        assert await prepare_embeddings(theirs, 5) == []
    finally:
        await run_sql(empty_database, f"DROP ROLE {login}")


async def test_a_table_in_use_is_waited_for_and_told(empty_database: str) -> None:
    await migrate(empty_database)
    reader = await asyncpg.connect(empty_database)
    try:
        async with reader.transaction():
            await reader.execute("SELECT FROM conversation_chunks")
            with pytest.raises(MigrationError, match="conversation_chunks is in use"):
                await prepare_embeddings(
                    empty_database, 5, Patience(turn=0.1, lock=0.01, trials=2, rest=0.01)
                )
    finally:
        await reader.close()


async def test_through_a_transaction_pooler_only_a_missing_column_is_refused(
    with_embeddings: Emptier, migrated: str
) -> None:
    assert await prepare_embeddings(f"{with_embeddings.dsn}&pgbouncer=true", 64) == []
    with pytest.raises(UsageError, match="needs a session"):
        await prepare_embeddings(f"{migrated}&pgbouncer=true", 64)


async def test_the_apps_own_column_is_used_and_its_functions_find_what_is_filled(postgres: str) -> None:
    async with app_database(postgres) as dsn:
        app = await asyncpg.connect(dsn)
        try:
            await fill(app, persons=1, chunks=6)
            kept = await app.fetch("SELECT id, embedding::text FROM conversation_chunks ORDER BY id")
            await migrate(dsn)
            assert await prepare_embeddings(dsn, 64) == ["index conversation_chunks_to_embed"]
            async with open_store(dsn) as store:
                assert await store.embedding_column() == EmbeddingColumn("vector", 768)
                await passages(store, person(1), "my dog is old")
                found = await claimed(store)
                assert len(found) == 1 + 3, "the app's own rows lack one, too"
                await store.save_embeddings(person(1), "a", model=MODEL, embedded=given(found, 768))
                nearest = await app.fetch(
                    "SELECT content FROM match_conversation_chunks($1::text::vector, $2, 1, 0.1)",
                    vector_of("dog", 768),
                    person(1),
                )
                assert [row["content"] for row in nearest] == ["my dog is old"]
                assert len(await store.search_embeddings(person(1), vector_of("dog", 768))) == 1, "ours alone"
            left = dict(await app.fetch("SELECT id, embedding::text FROM conversation_chunks"))
            assert all(left[row["id"]] == row["embedding"] for row in kept if row["embedding"])
            # The app may change its column as it likes.
            await app.execute("ALTER TABLE conversation_chunks ALTER COLUMN embedding TYPE vector(768)")
            await app.execute("UPDATE conversation_chunks SET content = content || '!'")
            assert await app.fetchval("SELECT count(embedding) FROM conversation_chunks") == 0
            await app.execute("ALTER TABLE conversation_chunks DROP COLUMN embedding")
            await app.execute("UPDATE conversation_chunks SET content = content || '!'")
        finally:
            await app.close()


async def test_the_extension_goes_where_supabase_has_extensions(empty_database: str) -> None:
    await run_sql(empty_database, "CREATE SCHEMA extensions")
    await migrate(empty_database)
    assert "extension vector in schema extensions" in await prepare_embeddings(empty_database, 64)
    async with open_store(empty_database) as store:
        await passages(store, ANNA, "my dog is old")
        await embed_all(store, ANNA)
        (found,) = await store.search_embeddings(ANNA, vector_of("dog"))
        assert found.similarity > 0
