"""What the app asks of its database, page by page, as the SQL that PostgREST makes of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID

import asyncpg

from tests.support.app_schema import OTHER_TABLES, Form

Role = Literal["authenticated", "anon", "service_role"]
_SET_ROLE: Final = {"authenticated": "authenticated", "anon": "anon", "service_role": "app_service"}
"""`app_service` bypasses row level security as Supabase's service_role does (tests/data/app/supabase.sql)."""
NOW: Final = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
VECTOR: Final = "[" + "0," * 767 + "1]"
_FIVE = "soul_md, identity_md, user_md, agents_md, tools_md"


@dataclass(frozen=True, slots=True)
class AppStatement:
    """One statement of the app's. `$1` is the person, what follows is in `more`."""

    role: Role
    sql: str
    more: tuple[Any, ...] = ()
    forms: tuple[Form, ...] = ("A", "B")
    """Those that have all its columns."""


def _own(sql: str, *more: Any, forms: tuple[Form, ...] = ("A", "B")) -> AppStatement:
    return AppStatement("authenticated", sql, more, forms)


def _app(sql: str, *more: Any, forms: tuple[Form, ...] = ("A", "B")) -> AppStatement:
    return AppStatement("service_role", sql, more, forms)


APP_STATEMENTS: Final[dict[str, AppStatement]] = {
    "import page: poll": _own(
        "SELECT progress_percent, import_stage, import_status, import_error"
        " FROM user_profiles WHERE user_id = $1"
    ),
    "chat page: poll": _own(
        "SELECT full_pass_status, full_pass_error, soulprint_text, import_status"
        " FROM user_profiles WHERE user_id = $1"
    ),
    "chat page: name, picture": _own("SELECT ai_name, ai_avatar_url FROM user_profiles WHERE user_id = $1"),
    "chat: sections": _app(
        f"SELECT {_FIVE}, memory_md, soulprint_text, ai_name, ai_avatar_url, import_status"
        " FROM user_profiles WHERE user_id = $1"
    ),
    "chat: passages": _app("SELECT * FROM match_conversation_chunks($2::text::vector, $1, 5, 0.1)", VECTOR),
    "chat: passages of a tier": _app(
        "SELECT * FROM match_conversation_chunks_by_tier($2::text::vector, $1, 'macro', 5, 0.1)", VECTOR
    ),
    "chat: passages by words": _app(
        "SELECT title, content, created_at FROM conversation_chunks"
        " WHERE user_id = $1 AND content ILIKE $2 ORDER BY created_at DESC LIMIT 5",
        "%words%",
    ),
    "sign-up": AppStatement(
        "service_role",
        "SELECT import_status, full_pass_status, progress_percent FROM user_profiles WHERE user_id = $1",
    ),
    "sign-in": _own("SELECT import_status, soulprint_locked FROM user_profiles WHERE user_id = $1"),
    "guard": _app("SELECT import_status, processing_started_at FROM user_profiles WHERE user_id = $1"),
    "import begins": _app(
        "INSERT INTO user_profiles (user_id, import_status, import_error, processing_started_at,"
        " progress_percent, import_stage, raw_export_path)"
        " VALUES ($1, 'processing', NULL, $2, 0, 'Starting', $3)"
        " ON CONFLICT (user_id) DO UPDATE SET import_status = excluded.import_status,"
        " import_error = excluded.import_error, processing_started_at = excluded.processing_started_at,"
        " progress_percent = excluded.progress_percent, import_stage = excluded.import_stage,"
        " raw_export_path = excluded.raw_export_path"
        " RETURNING user_id, import_status, progress_percent, import_stage, processing_started_at",
        NOW,
        "imports/a.zip",
    ),
    "import begins: file": _app(
        "UPDATE user_profiles SET storage_path = $2, file_type = 'zip' WHERE user_id = $1"
        " RETURNING storage_path, file_type",
        "imports/a.zip",
        forms=("B",),
    ),
    "retry: may it": _app("SELECT full_pass_status FROM user_profiles WHERE user_id = $1"),
    "retry: of what": _app(
        "SELECT full_pass_status, storage_path, file_type FROM user_profiles WHERE user_id = $1",
        forms=("B",),
    ),
    "retry: begins": _app(
        "UPDATE user_profiles SET full_pass_status = 'pending', full_pass_error = NULL WHERE user_id = $1"
        " RETURNING full_pass_status, full_pass_error"
    ),
    "memory page: list": _own(
        "SELECT id, conversation_id, title, content, message_count, created_at, is_recent"
        " FROM conversation_chunks WHERE user_id = $1 ORDER BY created_at DESC LIMIT 50"
    ),
    "memory page: count": _own("SELECT count(*) FROM conversation_chunks WHERE user_id = $1"),
    "memory page: search": _own(
        "SELECT id, conversation_id, title, content, message_count, created_at, is_recent"
        " FROM conversation_chunks WHERE user_id = $1 AND (title ILIKE $2 OR content ILIKE $2)"
        " ORDER BY created_at DESC LIMIT 50",
        "%Talk 2%",
    ),
    "memory page: delete": _own(
        "DELETE FROM conversation_chunks WHERE user_id = $1 AND id = md5($1::text || 4)::uuid RETURNING id"
    ),
    "memory page: delete another's": _own("DELETE FROM conversation_chunks WHERE user_id <> $1 RETURNING id"),
    "app's own passage": _app(
        "INSERT INTO conversation_chunks"
        " (user_id, conversation_id, title, content, message_count, created_at)"
        " VALUES ($1, 'live', 'Today', 'User: hello', 2, $2)"
        " RETURNING conversation_id, title, content, message_count, created_at, is_recent, chunk_tier",
        NOW,
    ),
    "person's own passage": _own(
        "INSERT INTO conversation_chunks (user_id, conversation_id, content, created_at)"
        " VALUES ($1, 'own', 'User: hello', $2) RETURNING conversation_id, is_recent, chunk_tier",
        NOW,
    ),
    "embedding": _app(
        "UPDATE conversation_chunks SET embedding = $2::text::vector"
        " WHERE user_id = $1 AND id = md5($1::text || 3)::uuid RETURNING id, embedding IS NULL",
        VECTOR,
    ),
    "what lacks an embedding": _app(
        "SELECT id, content FROM conversation_chunks WHERE user_id = $1 AND embedding IS NULL ORDER BY id"
    ),
    "dashboard": _own(
        "SELECT total_conversations, total_messages, total_chunks, soulprint_generated_at, ai_name"
        " FROM user_profiles WHERE user_id = $1"
    ),
    "status": _own(
        "SELECT import_status, processed_chunks, total_chunks, embedding_status, embedding_progress,"
        " memory_status FROM user_profiles WHERE user_id = $1"
    ),
    "cost page": _app("SELECT import_cost_json FROM user_profiles WHERE user_id = $1", forms=("B",)),
    "completion: status": _app(
        "UPDATE user_profiles SET import_status = 'complete', import_error = NULL WHERE user_id = $1"
        " RETURNING import_status, import_error, total_conversations"
    ),
    "completion: archetype": _app(
        "SELECT archetype, ai_name FROM user_profiles WHERE user_id = $1", forms=("B",)
    ),
    "nightly refinement: read": _app(
        f"SELECT user_id, {_FIVE}, memory_md FROM user_profiles"
        " WHERE import_status IN ('complete', 'quick_ready') OR user_id = $1 ORDER BY user_id"
    ),
    "nightly refinement: write": _app(
        "UPDATE user_profiles SET soul_md = $2, user_md = $2, updated_at = $3 WHERE user_id = $1"
        " RETURNING soul_md, user_md, agents_md, updated_at",
        '{"tone_preferences": "plain"}',
        NOW,
    ),
    "soulprint every six hours": _app(
        "UPDATE user_profiles SET soulprint_text = $2, soulprint_updated_at = $3 WHERE user_id = $1"
        " RETURNING soulprint_text, soulprint_updated_at",
        "# New",
        NOW,
    ),
    "scoring": _app(
        "UPDATE user_profiles SET quality_breakdown = $2::text::jsonb, quality_scored_at = $3"
        " WHERE user_id = $1 RETURNING quality_breakdown, quality_scored_at",
        '{"depth": 4}',
        NOW,
    ),
    "name chosen": _own(
        "UPDATE user_profiles SET ai_name = $2, ai_avatar_url = $3 WHERE user_id = $1"
        " RETURNING ai_name, ai_avatar_url",
        "Bo",
        "https://example.org/bo.png",
    ),
    "locked": _app(
        "UPDATE user_profiles SET soulprint_locked = true, locked_at = $2, import_status = 'locked'"
        " WHERE user_id = $1 RETURNING soulprint_locked, locked_at, import_status",
        NOW,
    ),
    "another's profile": _own("SELECT user_id FROM user_profiles WHERE user_id <> $1"),
    "another's profile changed": _own(
        "UPDATE user_profiles SET ai_name = 'x' WHERE user_id <> $1 RETURNING id"
    ),
    "referral": _app(
        "SELECT user_id, referred_by FROM user_profiles WHERE soulprint_id = $2 OR user_id = $1"
        " ORDER BY user_id",
        "sp-2",
    ),
    "pillars": _own(
        "UPDATE user_profiles SET pillars_completed = true, pillars_completed_at = $2 WHERE user_id = $1"
        " RETURNING pillars_completed, voice_completed",
        NOW,
    ),
    "reset: profile": _app(
        "UPDATE user_profiles SET soul_md = NULL, identity_md = NULL, user_md = NULL, agents_md = NULL,"
        " tools_md = NULL, memory_md = NULL, soulprint_text = NULL, soulprint = NULL, import_status = 'none',"
        " import_error = NULL, import_stage = NULL, progress_percent = 0, full_pass_status = 'pending',"
        " processing_started_at = NULL, soulprint_locked = false, locked_at = NULL, embedding_progress = 0,"
        " embedding_status = 'pending', memory_status = 'none', total_chunks = 0, processed_chunks = 0"
        " WHERE user_id = $1 RETURNING soul_md, import_status, progress_percent, full_pass_status"
    ),
    "reset: passages": _app(
        "WITH gone AS (DELETE FROM conversation_chunks WHERE user_id = $1 RETURNING 1)"
        " SELECT count(*) FROM gone"
    ),
    "account deleted": AppStatement(
        "service_role",
        "SELECT (SELECT count(*) FROM user_profiles WHERE user_id = $1),"
        " (SELECT count(*) FROM conversation_chunks WHERE user_id = $1)",
    ),
    "nobody: profiles": AppStatement("anon", "SELECT user_id FROM user_profiles WHERE user_id = $1"),
    "nobody: passages": AppStatement("anon", "SELECT id FROM conversation_chunks WHERE user_id = $1"),
} | {
    f"other tables: {table}": _own(f"SELECT count(*) FROM {table} WHERE user_id = $1")
    for table in OTHER_TABLES
}
"""By name. What is written is answered, and nothing answers a time of its own: before and after compare."""

_BEFORE: Final = {
    "sign-up": "INSERT INTO auth.users (id) VALUES ($1)",
    "account deleted": "DELETE FROM auth.users WHERE id = $1",
}
"""What Supabase's own Auth does first, as its owner."""


def statements_of(form: Form) -> dict[str, AppStatement]:
    """Those that the app makes of a database of this form."""
    return {name: statement for name, statement in APP_STATEMENTS.items() if form in statement.forms}


async def ask(
    connection: asyncpg.Connection, name: str, user: UUID, *, keep: bool = False
) -> list[tuple[Any, ...]]:
    """The answer to one statement, as its role with the person's claims; undone unless `keep`. `connection`
    is a superuser's."""
    statement = APP_STATEMENTS[name]
    transaction = connection.transaction()
    await transaction.start()
    try:
        if name in _BEFORE:
            await connection.execute(_BEFORE[name], user)
        claims = json.dumps(
            {"role": statement.role} | ({} if statement.role == "anon" else {"sub": str(user)})
        )
        await connection.execute("SELECT set_config('request.jwt.claims', $1, true)", claims)
        await connection.execute(f"SET LOCAL ROLE {_SET_ROLE[statement.role]}")
        rows = await connection.fetch(statement.sql, user, *statement.more)
    except BaseException:
        await transaction.rollback()
        raise
    await (transaction.commit() if keep else transaction.rollback())
    return [tuple(row) for row in rows]
