"""Whether an address leads to a transaction pooler (PgBouncer, Supabase's port 6543), where each transaction
of ours may land on another server connection: no session is ours there, nor a prepared statement."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg

from shared.domain.errors import UsageError
from shared.postgres.connection import CONNECT_SECONDS, connect, leave, transaction

PORT = 6543
"""Of Supabase's pooler in transaction mode."""
_TRIALS = 6
"""A pooler that hands its servers out in turn, or whose other clients take ours between two looks, may give
us the same one once more. Each is made and ended: to hold them would take a small pool away from others."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is: a DSN as asyncpg takes it, and whether it leads to a transaction pooler."""

    dsn: str
    pooled: bool


_POOLED = f"DATABASE_URL leads to a transaction pooler (PgBouncer, or Supabase's port {PORT})"


def direct_only(what: str, why: str = _POOLED) -> UsageError:
    """The error of what needs a session where there is none: through a transaction pooler, or for another
    reason."""
    return UsageError(
        f"{what} needs a session, and {why}; set DATABASE_URL to the address of the database itself, or of a "
        "pooler in session mode: mostly port 5432"
    )


async def recognised(dsn: str) -> Address:
    """What an address leads to: as it says itself, by `?pgbouncer=true` or by the port, else by experiment.
    Raises what `connect` raises."""
    address, told = _as_told(dsn)
    if told is None:
        return Address(address, await shares_servers(address))
    return Address(address, told)


def _as_told(dsn: str) -> tuple[str, bool | None]:
    parts = urlsplit(dsn)
    given = parse_qsl(parts.query, keep_blank_values=True)
    told = [value for name, value in given if name == "pgbouncer"]
    if told:  # asyncpg would pass it on to the server, which knows no such setting
        kept = [(name, value) for name, value in given if name != "pgbouncer"]
        dsn = parts._replace(query=urlencode(kept)).geturl()
        return dsn, told[-1].lower() in ("true", "1", "yes", "on", "")
    return dsn, True if parts.netloc.endswith(f":{PORT}") else None


async def shares_servers(dsn: str) -> bool:
    """Whether two connections of ours get the same server connection in turn. One round trip where the server
    itself answers: then the process that we were told of at the start is the one that works for us."""
    async with _connected(dsn) as first:
        server = await _server_of(first)
        if server == first.get_server_pid():
            return False
        for _ in range(_TRIALS):
            async with _connected(dsn) as second, transaction(second):
                taken = await second.fetchval("SELECT pg_backend_pid()")
                if taken == server or await _server_of(first) != server:
                    return True
            # What was given back last is mostly given next: if that never was ours, now it is.
            if await _server_of(first) != server:
                return True
    return False


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await connect(dsn, statements=False)
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            yield connection
    finally:
        await leave(connection)


async def _server_of(connection: asyncpg.Connection) -> int:
    async with transaction(connection):
        pid: int = await connection.fetchval("SELECT pg_backend_pid()")
        return pid
