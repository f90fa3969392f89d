"""One run at a time for a user: a session lock that the database lets go when the process ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg

from shared.domain.errors import BusyError
from shared.postgres.connection import (
    CONNECT_SECONDS,
    UNREACHABLE,
    connect,
    dropped_on_failure,
    leave,
    prepare,
)
from shared.postgres.pooler import direct_only, recognised
from shared.postgres.sqlstates import refusal

PATIENCE_MS = 1000
"""How long to wait for a lock: enough for the server to notice that its holder was killed."""
_KIND = 2
"""Seed of the hash that makes a user's lock number; accept_import's have 1 and 4, migrations 3."""


@asynccontextmanager
async def user_lock(dsn: str, user_id: UUID, called: str) -> AsyncIterator[None]:
    """Hold the user's lock on a connection of its own. Raises BusyError, which names the user as `called`, if
    another holds it, UsageError behind a transaction pooler, which has no session to hold it in, and
    StoreError."""
    try:
        address = await recognised(dsn)
        if address.pooled:
            raise direct_only("one run at a time for a user")
        connection = await connect(address.dsn)
    except asyncpg.PostgresError as error:
        raise refusal("lock_user", error.sqlstate) from None
    except (*UNREACHABLE, ValueError):
        raise refusal("lock_user", None) from None
    try:
        try:
            async with asyncio.timeout(CONNECT_SECONDS), dropped_on_failure(connection):
                await prepare(connection)
                await connection.execute(f"SET lock_timeout = {PATIENCE_MS}")
                await connection.execute(
                    "SELECT pg_advisory_lock(hashtextextended($1, $2))", str(user_id), _KIND
                )
        except asyncpg.LockNotAvailableError:
            raise BusyError(
                f"another run for user {called} is under way; wait for it to end, then run again"
            ) from None
        except asyncpg.PostgresError as error:
            raise refusal("lock_user", error.sqlstate) from None
        except UNREACHABLE:
            raise refusal("lock_user", None) from None
        yield
    finally:
        await leave(connection)
