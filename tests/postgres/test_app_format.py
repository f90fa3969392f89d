"""What a profile shows of a run in app format: the columns that the app's pages watch."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import asyncpg

from shared.domain.events import Coverage, ImportReceived, Usage
from shared.domain.runs import RunKey
from shared.store.chunks import Chunking
from shared.store.runs import Reading
from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
from tests.support.records import ANNA, IMPORT, commit, memory_of, result_of, with_matter
from tests.support.waiting import until

FIELDS = {"soul": "{}", "identity": '{"ai_name": "Iris", "archetype": "sage"}', "user": '{"name": "Anna"}'}
DOCUMENTS = {"markdown": {"soul": "# Soul", "identity": "# Identity", "user": "# User"}, "app": FIELDS}
COUNTS = {"conversations": {"kept": 7}, "messages": 30}


async def take(store: Store, run: int = 1) -> None:
    event = ImportReceived(
        import_id=IMPORT, user_id=ANNA, run=run, source="/a.zip", requested_at=datetime.now(UTC)
    )
    taken = await store.take_run(event, "v2", "a", on_log=False, profile_format="app")
    assert taken.refusal is None


async def shown(sql: asyncpg.Connection) -> dict[str, Any]:
    row = await sql.fetchrow("SELECT * FROM user_profiles WHERE user_id = $1", ANNA)
    assert row is not None
    return dict(row)


async def page(sql: asyncpg.Connection) -> tuple[Any, ...]:
    """What the import page asks for."""
    row = await shown(sql)
    return row["import_status"], row["import_stage"], row["progress_percent"], row["import_error"]


async def extract(store: Store, run: int = 1, total: int = 2) -> None:
    await store.finish_chunking(IMPORT, run, Chunking(total, counts=COUNTS))
    for index in range(total):
        await store.record_chunks(
            [with_matter(result_of(index, run=run))], model="offline", prompt_version="v1"
        )
        await store.note_progress([RunKey(IMPORT, run)])


async def test_an_import_from_its_begin_to_its_end(store: Store, sql: asyncpg.Connection) -> None:
    await take(store)
    assert await page(sql) == ("processing", "Downloading export", 0, None)
    await store.update_progress(IMPORT, 1, 45.0, "chunking", Reading(bytes_read=50, bytes_total=100))
    assert await page(sql) == ("processing", "Parsing conversations", 35, None)
    await take(store)
    await store.update_progress(IMPORT, 1, 0.0, "chunking", Reading(bytes_read=1, bytes_total=100))
    assert await page(sql) == ("processing", "Parsing conversations", 35, None), "read anew, it never falls"
    await extract(store)
    assert await page(sql) == ("processing", "Generating soulprint", 79, None)
    assert (await store.claim_run(IMPORT, 1, "me", 60)).claimed
    assert await page(sql) == ("processing", "Building profile", 80, None)
    assert await store.mark_published(IMPORT, 1)
    assert await page(sql) == ("processing", "Building profile", 95, None)
    await store.commit_memory(
        memory_of(1, usage=Usage(calls=3, input_tokens=10, output_tokens=2, cost=0.5)),
        documents=DOCUMENTS,
        profile_format="app",
    )
    assert await page(sql) == ("complete", "Complete", 100, None)
    row = await shown(sql)
    assert (row["soul_md"], row["user_md"]) == (FIELDS["soul"], FIELDS["user"])
    assert row["soulprint_text"] == "# Soul\n\n# Identity\n\n# User"
    assert (row["ai_name"], row["archetype"], row["memory_status"]) == ("Iris", "sage", "ready")
    assert (row["total_conversations"], row["total_messages"]) == (7, 30)
    assert (row["total_chunks"], row["processed_chunks"]) == (2, 2)
    assert row["full_pass_status"] == "complete"
    assert row["soulprint_generated_at"] is not None
    cost = json.loads(row["import_cost_json"])
    assert (cost["total_cost_usd"], cost["llm_call_count"], cost["llm_input_tokens"]) == (0.5, 3, 10)


async def test_a_failed_import_says_so_only_where_nothing_is_served(
    store: Store, sql: asyncpg.Connection
) -> None:
    await take(store)
    await store.fail_run(IMPORT, 1, "chunking", "no such object")
    assert await page(sql) == ("failed", "Failed", 100, "no such object")
    await take(store, 2)
    assert await page(sql) == ("processing", "Downloading export", 0, None)
    await extract(store, 2)
    await commit(store, memory_of(2), documents=DOCUMENTS, profile_format="app")
    await take(store, 3)
    await store.fail_run(IMPORT, 3, "chunking", "no such object")
    assert await page(sql) == ("complete", "Complete", 100, None)
    row = await shown(sql)
    assert (row["full_pass_status"], row["full_pass_error"]) == ("failed", "no such object")


async def test_a_cancelled_import_ends_the_poll(store: Store, sql: asyncpg.Connection) -> None:
    await take(store)
    await store.cancel_run(IMPORT, 1)
    assert await page(sql) == ("failed", "Failed", 100, "the import was cancelled")
    assert (await shown(sql))["full_pass_status"] == "pending"


async def test_what_the_person_chose_stays(store: Store, sql: asyncpg.Connection) -> None:
    await take(store)
    await sql.execute("UPDATE user_profiles SET ai_name = 'Nova', import_status = 'locked'")
    await store.update_progress(IMPORT, 1, 10.0, "chunking", Reading(bytes_read=1, bytes_total=10))
    await extract(store)
    await commit(store, memory_of(1), documents=DOCUMENTS, profile_format="app")
    row = await shown(sql)
    assert (row["ai_name"], row["archetype"], row["import_status"]) == ("Nova", "sage", "locked")


async def test_a_failed_coverage_is_an_error_of_the_import(store: Store, sql: asyncpg.Connection) -> None:
    await take(store)
    await extract(store)
    await store.commit_memory(
        memory_of(1, coverage=Coverage(ok=1, dead=1, total=2)),
        documents=DOCUMENTS,
        profile_format="app",
        status="failed",
        error={"step": "consolidating", "message": "only half could be read"},
    )
    assert await page(sql) == ("failed", "Failed", 100, "only half could be read")


@EVERY_WAY
async def test_a_memory_that_was_kept_is_shown_in_the_form_that_is_served(
    store: Store, sql: asyncpg.Connection
) -> None:
    """Markdown in a column of the app's takes the person's sections away."""
    await take(store)
    await extract(store)
    await commit(store, memory_of(1), documents=DOCUMENTS, profile_format="markdown")
    await take(store, 2)
    await extract(store, 2)
    newer = {"markdown": {"soul": "# New"}, "app": {"soul": '{"tone_preferences": "dry"}'}}
    await commit(store, memory_of(2), documents=newer, profile_format="app")
    assert (await shown(sql))["soul_md"] == newer["app"]["soul"]
    await sql.execute("DELETE FROM profile_versions WHERE run = 2")
    await sql.execute("UPDATE served_memories SET run = 0")
    assert (await store.accept_memory(IMPORT)).run == 1
    row = await shown(sql)
    assert (row["soul_md"], row["identity_md"]) == (FIELDS["soul"], FIELDS["identity"])
    documents = await store.read_documents(IMPORT, 1)
    assert documents is not None
    assert documents.soul_md == "# Soul", "to people as Markdown, whatever the form"


async def test_a_person_who_writes_to_their_row_does_not_change_what_is_served(
    store: Store, sql: asyncpg.Connection
) -> None:
    await take(store)
    await extract(store)
    await commit(store, memory_of(1), documents=DOCUMENTS, profile_format="app")
    await sql.execute("UPDATE user_profiles SET import_id = gen_random_uuid(), run = 99, pipeline = 'v9'")
    profile = await store.read_profile(ANNA)
    assert profile is not None
    assert (profile.import_id, profile.run, profile.pipeline) == (IMPORT, 1, "v2")


async def test_what_the_predecessor_wrote_stays_where_a_run_has_no_sections(
    store: Store, sql: asyncpg.Connection
) -> None:
    """Without a soulprint_text the app asks for an import."""
    await take(store)
    await sql.execute("UPDATE user_profiles SET soul_md = '{}', soulprint_text = 'The soulprint'")
    await extract(store)
    assert (await store.commit_memory(memory_of(1), documents={}, profile_format="app")).written
    row = await shown(sql)
    assert (row["soul_md"], row["soulprint_text"], row["memory_md"]) == ("{}", "The soulprint", "# Memory 1")


@EVERY_WAY
async def test_a_run_that_was_the_newest_when_it_began_to_tell_gives_way(
    store: Store, sql: asyncpg.Connection
) -> None:
    await take(store)
    async with sql.transaction():
        await sql.execute("SELECT FROM user_profiles FOR UPDATE")
        late = asyncio.create_task(store.fail_run(IMPORT, 1, "chunking", "no such object"))
        await until(lambda: one_waits(sql))
        await sql.execute(
            "INSERT INTO imports (import_id, run, user_id, pipeline, source, state, profile_format)"
            " SELECT gen_random_uuid(), 1, user_id, 'v2', '/b.zip', 'chunking', 'app' FROM imports"
        )
        await sql.execute("SELECT tell_profile(i) FROM imports i ORDER BY i.ordinal DESC LIMIT 1")
    assert await late
    assert await page(sql) == ("processing", "Downloading export", 0, None)


async def one_waits(sql: asyncpg.Connection) -> bool:
    return bool(await sql.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"))
