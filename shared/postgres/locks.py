"""One run at a time for a user: a session lock that the database lets go when the process ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import asyncpg

from shared.domain.errors import BusyError
from shared.postgres.connection import CONNECT_SECONDS, UNREACHABLE, prepare
from shared.postgres.sqlstates import refusal

PATIENCE_MS = 1000
"""How long to wait for a lock: enough for the server to notice that its holder was killed."""
_KIND = 2
"""Seed of the hash that makes a user's lock number; request_run's locks have 1, migrations 3."""


@asynccontextmanager
async def user_lock(dsn: str, user_id: UUID, called: str) -> AsyncIterator[None]:
    """Hold the user's lock on a connection of its own. Raises BusyError, which names the user as `called`, if
    another holds it."""
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
    except asyncpg.PostgresError as error:
        raise refusal("lock_user", error.sqlstate) from None
    except (*UNREACHABLE, ValueError):
        raise refusal("lock_user", None) from None
    try:
        try:
            await prepare(connection)
            await connection.execute(f"SET lock_timeout = {PATIENCE_MS}")
            await connection.execute("SELECT pg_advisory_lock(hashtextextended($1, $2))", str(user_id), _KIND)
        except asyncpg.LockNotAvailableError:
            raise BusyError(
                f"another run for user {called} is under way; wait for it to end, then run again"
            ) from None
        except asyncpg.PostgresError as error:
            raise refusal("lock_user", error.sqlstate) from None
        yield
    finally:
        with suppress(*UNREACHABLE):
            await connection.close(timeout=CONNECT_SECONDS)
