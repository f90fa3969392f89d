"""Makes the column for embeddings, and what belongs to it, where it is missing: only where they are wanted,
since not every Postgres has pgvector."""

from __future__ import annotations

import asyncio

import asyncpg

from shared.domain.errors import MigrationError
from shared.postgres.connection import CONNECT_SECONDS, UNREACHABLE, connect, leave, transaction
from shared.postgres.pooler import direct_only, recognised
from shared.postgres.sqlstates import schema_refusal
from shared.postgres.turn import LOCK, LOCKED, Patience

_THERE = """
SELECT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = 'public.conversation_chunks'::regclass
               AND a.attname = 'embedding' AND NOT a.attisdropped)
   AND to_regclass('public.conversation_chunks_to_embed') IS NOT NULL
   AND EXISTS (SELECT FROM pg_trigger WHERE tgrelid = 'public.conversation_chunks'::regclass
               AND tgname = 'soulprint_stale_embedding')
"""
_NO_EXTENSION = ("0A000", "58P01")
"""SQLSTATEs of a server that has no such extension."""
_MAY_NOT = "42501"


async def prepare_embeddings(
    dsn: str, dimensions: int, patience: Patience | None = None, *, kept: bool = True
) -> list[str]:
    """Make what is missing in a migrated database, for embeddings of so many numbers; answers what was made.
    A column that is there stays as it is. Unless it is to be `kept`, all is undone again.

    Raises MigrationError, which says what to do; UsageError where something is missing and the address leads
    to a transaction pooler.
    """
    patience = patience or Patience()
    try:
        address = await recognised(dsn)
        connection = await connect(address.dsn, statements=False)
    except (*UNREACHABLE, asyncpg.PostgresError, ValueError) as error:
        raise MigrationError(
            "embeddings: the database cannot be reached; is it running?",
            sqlstate=getattr(error, "sqlstate", None),
        ) from None
    try:
        async with asyncio.timeout(CONNECT_SECONDS), transaction(connection):
            if await connection.fetchval(_THERE):
                return []
        if address.pooled:
            raise direct_only("making the column for embeddings")
        return await _made(connection, dimensions, patience, kept=kept)
    except UNREACHABLE:
        raise MigrationError("embeddings: the database gave no answer any more; run it again") from None
    finally:
        await leave(connection)


async def _made(
    connection: asyncpg.Connection, dimensions: int, patience: Patience, *, kept: bool
) -> list[str]:
    last = "COMMIT" if kept else "ROLLBACK"
    waits = f"SET LOCAL lock_timeout = {max(1, round(patience.turn * 1000))}; {LOCK}"
    for trial in range(patience.trials):
        await asyncio.sleep(patience.rest * (trial > 0))
        try:
            async with asyncio.timeout(patience.work), transaction(connection, waits, last=last):
                await connection.execute(f"SET LOCAL lock_timeout = {max(1, round(patience.lock * 1000))}")
                made: list[str] = await connection.fetchval(
                    "SELECT public.prepare_embeddings($1)", dimensions
                )
                return made
        except asyncpg.LockNotAvailableError:
            continue
        except asyncpg.PostgresError as error:
            raise MigrationError(_why(error), sqlstate=error.sqlstate) from None
    raise MigrationError(
        f"embeddings: conversation_chunks is in use: no lock within {patience.lock:g} s, "
        f"{patience.trials} times; end long transactions, or wait, and run it again",
        sqlstate=LOCKED,
    )


def _why(error: asyncpg.PostgresError) -> str:
    if error.sqlstate in _NO_EXTENSION:
        return (
            "embeddings: this Postgres has no extension vector (pgvector): install it, "
            "or unset SOULPRINT_EMBEDDINGS_URL"
        )
    if error.sqlstate == _MAY_NOT:
        return (
            "embeddings: this role may not make the column for them: run `soulprint migrate` as the owner of "
            "conversation_chunks, with SOULPRINT_EMBEDDINGS_URL set"
        )
    return f"embeddings: refused: {schema_refusal(error.sqlstate, error.message)} (SQLSTATE {error.sqlstate})"
