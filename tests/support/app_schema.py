"""The app's database, before SoulPrint comes to it: its schema in each known form, rows, and what it asks.

Form A is what the app's migrations make, form B has what was added by hand besides, form C is in conflict
with us in four places. `tests/support/app_statements.py` has the statements.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal
from uuid import UUID, uuid5

import asyncpg

from tests.support.databases import dsn_of, run_sql
from tests.support.records import SEED

Form = Literal["A", "B", "C"]
_DATA: Final = Path(__file__).parents[1] / "data" / "app"
_FILES: Final[dict[Form, tuple[str, ...]]] = {
    "A": ("supabase.sql", "app.sql"),
    "B": ("supabase.sql", "app.sql", "by_hand.sql"),
    "C": ("supabase.sql", "app.sql", "in_conflict.sql"),
}
OTHER_TABLES: Final = (
    "conversations",
    "chat_messages",
    "learned_facts",
    "raw_conversations",
    "import_jobs",
    "processing_jobs",
)
"""The app's tables that SoulPrint never touches."""
_numbers = itertools.count(1)

_ROWS = """
INSERT INTO auth.users (id, email)
    SELECT u, 'person-' || n || '@example.org'
    FROM unnest($1::uuid[]) WITH ORDINALITY AS x(u, n);
"""
_PROFILES = """
UPDATE user_profiles p SET
        soul_md = '{"communication_style": "short ' || n || '"}', identity_md = '{"vibe": "calm"}',
        user_md = '{"name": "Person ' || n || '"}', agents_md = '{"do_not": ["shout"]}', tools_md = '{}',
        memory_md = '# Memory of ' || n, soulprint_text = 'The soulprint of ' || n,
        soulprint = jsonb_build_object('n', n), personality_profile = '{"openness": 0.5}',
        import_status = (ARRAY['none', 'quick_ready', 'processing', 'complete', 'locked'])[1 + n % 5],
        import_stage = 'Building profile', progress_percent = n % 101,
        full_pass_status = (ARRAY['pending', 'processing', 'complete', 'failed'])[1 + n % 4],
        full_pass_error = CASE WHEN n % 4 = 3 THEN 'no answer' END,
        processing_started_at = '2026-01-02 03:04:05.678901+00',
        ai_name = 'Ada ' || n, ai_avatar_url = 'https://example.org/' || n || '.png',
        total_conversations = n, total_messages = 10 * n, total_chunks = 3 * n, processed_chunks = 2 * n,
        embedding_progress = n % 101, quality_breakdown = '{"depth": 3}', soulprint_id = 'sp-' || n,
        referred_by = 'sp-1', memory_log = 'log ' || n, memory_log_date = '2026-01-01',
        pillars_completed = n % 2 = 0, updated_at = '2026-01-02 03:04:05+00'
    FROM (SELECT u, n::integer FROM unnest($1::uuid[]) WITH ORDINALITY AS x(u, n)) x
    WHERE p.user_id = x.u;
"""
_CHUNKS = """
INSERT INTO conversation_chunks (id, user_id, conversation_id, title, content, message_count, created_at,
                                 updated_at, is_recent, chunk_tier, embedding)
    SELECT md5(u::text || m)::uuid, u, 'conversation-' || m / 3,
           CASE WHEN m % 7 > 0 THEN 'Talk ' || m / 3 END, 'User: words of ' || n || ', ' || m || ' 100% a_b',
           m % 40, timestamptz '2025-01-01 00:00:00+00' + make_interval(hours => m, secs => n),
           '2026-01-02 03:04:05+00', m % 2 = 0, (ARRAY['micro', 'medium', 'macro'])[1 + m % 3],
           CASE WHEN m % 2 = 0 AND n <= 3
                THEN (array_fill(0, ARRAY[767]) || ARRAY[1 + m])::extensions.vector END
    FROM unnest($1::uuid[]) WITH ORDINALITY AS x(u, n), generate_series(1, $2::integer) m;
"""


def person(number: int) -> UUID:
    """The id of one of the persons whom `fill` signs up; the first is 1."""
    return uuid5(SEED, f"person {number}")


async def make_app(dsn: str, form: Form = "A") -> None:
    """Make the app's schema in an empty database."""
    for name in _FILES[form]:
        await run_sql(dsn, (_DATA / name).read_text())


@asynccontextmanager
async def app_database(server: str, form: Form = "A") -> AsyncIterator[str]:
    """The DSN of a database of its own with the app's schema, as superuser; it goes with the block."""
    name = f"app_{form.lower()}_{next(_numbers)}"
    await run_sql(server, f"CREATE DATABASE {name}")
    try:
        dsn = dsn_of(server, name)
        await make_app(dsn, form)
        yield dsn
    finally:
        await run_sql(server, f"DROP DATABASE {name} WITH (FORCE)")


async def sign_up(connection: asyncpg.Connection, *users: UUID) -> None:
    """Have persons in the app, each with the profile that its trigger makes."""
    await connection.execute(_ROWS, list(users))


async def fill(connection: asyncpg.Connection, persons: int = 2, chunks: int = 10) -> None:
    """Have persons with profiles that are filled, and `chunks` rows of the app's for each; form A or B."""
    users = [person(number) for number in range(1, persons + 1)]
    await sign_up(connection, *users)
    await connection.execute(_PROFILES, users)
    await connection.execute(_CHUNKS, users, chunks)
