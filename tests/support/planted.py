"""A row of each table for a user: what must not be seen by others has to be there."""

from __future__ import annotations

from typing import Final
from uuid import UUID, uuid4

import asyncpg

ROWS: Final = {
    "imports": "(import_id, run, user_id, pipeline, source, usage) VALUES ($2, 1, $1, 'v2', $1::text, '{}')",
    "user_profiles": "(user_id, soul_md) VALUES ($1, $1::text) ON CONFLICT DO NOTHING",
    "served_memories": "(user_id, import_id, run) VALUES ($1, $2, 1)",
    "profile_versions": "(user_id, soul_md) VALUES ($1, $1::text)",
    "conversation_chunks": (
        "(user_id, conversation_id, passage_index, content, created_at)"
        " VALUES ($1, $1::text, 0, $1::text, '2026-01-01')"
    ),
    "conversation_runs": (
        "(user_id, conversation_id, requested_at, ordinal) VALUES ($1, $1::text, '2026-01-01', 1)"
    ),
    "chunk_results": (
        "(import_id, run, chunk_index, chunk_id, user_id, content_hash, status)"
        " VALUES ($2, 1, 0, $2, $1, $1::text, 'ok')"
    ),
    "facts": (
        "(import_id, run, fact_id, user_id, category, statement, quote, message_ids, conversation_id,"
        " confidence, source_kind, chunk_index)"
        " VALUES ($2, 1, $2, $1, 'work', $1::text, 'q', '{}', 'c', 1, 'message', 0)"
    ),
    "lineages": "(user_id, lineage, vendor) VALUES ($1, $1::text, 'chatgpt')",
    "extraction_cache": (
        "(user_id, content_hash, model, prompt_version, facts) VALUES ($1, $1::text, 'm', 'p', '[]')"
    ),
    "writing_cache": (
        "(user_id, model, version, digest, part, answer, import_id, run)"
        " VALUES ($1, 'm', 'w', 'd', 'memory', jsonb_build_object('of', $1::text), $2, 1)"
    ),
    "memory_outbox": "(import_id, run, memory) VALUES ($2, 1, jsonb_build_object('of', $1::text))",
    "leases": "(name, owner, until) VALUES ($1::text, 'o', now())",
    "service_holds": "(owner, service, hold, reason, since) VALUES ($1::text, 's', 'h', 'r', now())",
    "batch_chunks": (
        "(provider, batch_id, content_hash, model, prompt_version, size, begun_at)"
        " VALUES ('p', 'b', $1::text, 'm', 'p', 1, now())"
    ),
    "callbacks": "(import_id, kind, user_id, seconds) VALUES ($2, 'complete', $1, 1)",
    "routing_overrides": "(user_id, lane) VALUES ($1, 'v1')",
    "routing_decisions": "(import_id, run, user_id, lane, reason, bucket, share, policy_version, shadow) "
    "VALUES ($2, 1, $1, 'v2', 'share', 0, 10000, 1, false)",
    "legacy_calls": "(route, user_id) VALUES ('/process-full', $1)",
    "idempotency_keys": "(user_id, key, digest) VALUES ($1, 'k', 'd')",
    "v1_calls": "(import_id, run, user_id) VALUES ($2, 1, $1)",
    "replays": (
        "(id, stage, which, pipeline, model, prompt_version, reason)"
        " VALUES ($2, 'facts', '{all}', 'v2', 'm', 'p', $1::text)"
    ),
    "replay_items": "(replay_id, position, import_id, user_id, base_run) VALUES ($2, 0, $2, $1, 1)",
    "dead_letters": (
        "(id, topic, letter_partition, letter_offset, generation, user_id, buried_at)"
        " VALUES ($2, 'chunks.ready.v2', 0, 0, 0, $1, now())"
    ),
    "dead_letter_positions": "(topic, partition) VALUES ($1::text, 0)",
    "audit": "(who, what, subject) VALUES ('w', 'dead show --text', $1::text)",
    "embedding_claims": "(passage_id, user_id, until, content_hash, model) VALUES ($2, $1, now(), 'h', 'm')",
    "embedding_turns": "(user_id) VALUES ($1)",
    "embedding_usage": "(user_id, import_id, run, model) VALUES ($1, $2, 1, 'm')",
    "user_names": "(user_id, name) VALUES ($1, $1::text)",
}
"""What is inserted into each of our tables: $1 is the user, $2 an import. A new table needs a line here."""

APP_ROWS: Final = {
    "conversations": "(user_id, title) VALUES ($1, $1::text)",
    "chat_messages": "(user_id, role, content) VALUES ($1, 'user', $1::text)",
    "learned_facts": "(user_id, fact) VALUES ($1, $1::text)",
    "raw_conversations": "(user_id, conversation_id) VALUES ($1, $1::text)",
    "import_jobs": "(user_id, status) VALUES ($1, $1::text)",
    "processing_jobs": "(user_id, status) VALUES ($1, $1::text)",
}
"""The same of the app's own tables."""


NOBODYS: Final = {"soulprint_migrations", "routing_policy", "routing_history"}
"""Tables of ours whose rows are nobody's."""


async def plant(connection: asyncpg.Connection, tables: list[str], *users: UUID) -> None:
    """Put a row of each user's into each of these tables. Raises KeyError for a table with no row above; but
    for NOBODYS."""
    rows = ROWS | APP_ROWS
    for user in users:
        work = uuid4()
        for table in tables:
            if table in NOBODYS:
                continue
            given = "WITH given AS (SELECT $1::uuid, $2::uuid)"  # all rows take both, whichever they need
            await connection.execute(f"{given} INSERT INTO public.{table} {rows[table]}", user, work)
