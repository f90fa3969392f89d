"""What the predecessor does with an import: it deletes all passages of the user, and writes the profile."""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg

from tests.support.predecessor.models import ImportFull
from tests.support.predecessor.state import OnImport

SECTIONS = {
    "soul_md": '{"communication_style": "from the predecessor"}',
    "identity_md": '{"vibe": "calm"}',
    "user_md": '{"name": "Ada"}',
    "agents_md": '{"do_not": ["shout"]}',
    "tools_md": '{"likely_usage": ["notes"]}',
}
_BEGIN = """
INSERT INTO user_profiles (user_id, full_pass_status, full_pass_started_at, import_status)
    VALUES ($1, 'processing', now(), 'processing')
    ON CONFLICT (user_id) DO UPDATE SET full_pass_status = 'processing', full_pass_started_at = now(),
        full_pass_error = NULL, import_status = 'processing', progress_percent = 0
"""
_SECTIONS = """
UPDATE user_profiles SET soul_md = $2, identity_md = $3, user_md = $4, agents_md = $5, tools_md = $6,
        soulprint_text = 'A soulprint', import_status = 'quick_ready', progress_percent = 60
    WHERE user_id = $1
"""
_COMPLETE = """
UPDATE user_profiles SET memory_md = '# Memory of the predecessor', full_pass_status = 'complete',
        full_pass_completed_at = now(), import_status = 'complete', progress_percent = 100
    WHERE user_id = $1
"""
_FAILED = """
UPDATE user_profiles SET full_pass_status = 'failed', full_pass_error = 'out of memory',
        full_pass_completed_at = now(), import_status = 'failed', import_error = 'out of memory'
    WHERE user_id = $1
"""


def writing_profiles(
    dsn: str,
    *,
    deletes: bool = True,
    fails: bool = False,
    between: asyncio.Event | None = None,
) -> OnImport:
    """For `State.on_import`: begins, deletes the user's passages if `deletes`, waits for `between` if it is
    given, then writes the sections and ends the full pass, or fails it if `fails`."""

    async def on_import(body: ImportFull) -> None:
        user = UUID(body.user_id)
        connection = await asyncpg.connect(dsn)
        try:
            await connection.execute(_BEGIN, user)
            if deletes:
                await connection.execute("DELETE FROM conversation_chunks WHERE user_id = $1", user)
            if between is not None:
                await between.wait()
            if fails:
                await connection.execute(_FAILED, user)
                return
            await connection.execute(_SECTIONS, user, *SECTIONS.values())
            await connection.execute(_COMPLETE, user)
        finally:
            await connection.close()

    return on_import
