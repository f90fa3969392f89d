"""A direct connection: how it is made, ended and kept from going silent, and what it speaks."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import orjson

from shared.sockets import KEEP_ALIVE

CONNECT_SECONDS = 15.0
CLOSE_SECONDS = 2.0
"""For a polite end; then the connection is dropped."""
UNREACHABLE = (OSError, asyncio.TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises where no server answers, or no longer."""
_WHOM = """
SELECT rolname FROM pg_roles
WHERE rolname IN ('soulprint_service', 'service_role') AND pg_has_role(session_user, oid,
    CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END)
ORDER BY rolname = 'soulprint_service' DESC LIMIT 1
"""
"""Whom we act as: the services' own role, which may call functions and nothing else, if the login may; else
the wider one. Where it may neither it stays itself."""
_SESSION = f"SET TIME ZONE 'UTC'; SELECT set_config('role', rolname, false) FROM ({_WHOM}) whom"  # noqa: S608
_NOTICED = """
SELECT set_config(name, value, false)
FROM (VALUES ('tcp_keepalives_idle', '30'), ('tcp_keepalives_interval', '10'), ('tcp_keepalives_count', '3'),
             ('tcp_user_timeout', '60000'), ('client_connection_check_interval', '2000')) s (name, value)
WHERE current_setting(name, true) IS NOT NULL
"""
"""Has the server notice within a minute that we are gone, in the middle of a call too: what a session holds,
such as a user's lock, is not held for long, nor what a call holds that nobody waits for. Older servers know
fewer of these."""
_LOOKING = """
SELECT set_config('client_connection_check_interval', '2000', true)
WHERE current_setting('client_connection_check_interval', true) IS NOT NULL
"""
"""The same for a transaction: a pooler that sees us gone drops the connection that was ours."""


async def connect(dsn: str, *, statements: bool = True) -> asyncpg.Connection:
    """A connection; `statements`: it may keep prepared ones, as none may behind a transaction pooler. Raises
    what UNREACHABLE lists, asyncpg.PostgresError, or ValueError for an address that is none."""
    cache = {} if statements else {"statement_cache_size": 0}
    connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS, **cache)
    keep_alive(connection)
    return connection


async def leave(connection: asyncpg.Connection) -> None:
    """End a connection: politely, and if that is not answered within a moment, at once. Raises nothing."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):  # asyncpg's own would wait for a cancelled command
            await connection.close()
    except (*UNREACHABLE, asyncpg.PostgresError):
        connection.terminate()


@asynccontextmanager
async def dropped_on_failure(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """Whatever ends the block but the server's own refusal, our caller's deadline too, ends the connection at
    once: asyncpg would first wait for its request to cancel to be answered, on a dead connection for ever."""
    try:
        yield
    except asyncpg.PostgresError:
        raise
    except BaseException:
        connection.terminate()
        raise


@asynccontextmanager
async def transaction(
    connection: asyncpg.Connection, first: str = "", *, last: str = "COMMIT"
) -> AsyncIterator[None]:
    """A transaction that begins with the statements `first` and ends with `last`. asyncpg's own would ask a
    dead connection to roll back."""
    async with dropped_on_failure(connection):
        try:
            await connection.execute(f"BEGIN; {first}")
            yield
        except asyncpg.PostgresError:
            await connection.execute("ROLLBACK")
            raise
        await connection.execute(last)


def keep_alive(connection: asyncpg.Connection) -> None:
    """Have the system drop a TCP connection whose other end is not heard of."""
    raw = connection._transport.get_extra_info("socket")  # asyncpg has no option for it
    if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
        for option in KEEP_ALIVE:
            raw.setsockopt(*option)


async def prepare(connection: asyncpg.Connection) -> None:
    """Make a fresh connection speak JSON (written as bytes, read as values), in UTC, as a service."""
    keep_alive(connection)
    async with asyncio.timeout(CONNECT_SECONDS), dropped_on_failure(connection):
        await _speak_json(connection)
        await connection.execute(f"{_NOTICED}; {_SESSION}")


async def prepare_shared(connection: asyncpg.Connection) -> None:
    """The same behind a transaction pooler: nothing of the session is set, which is a stranger's next."""
    keep_alive(connection)
    async with asyncio.timeout(CONNECT_SECONDS), transaction(connection):
        await _speak_json(connection)


async def acting(connection: asyncpg.Connection) -> str:
    """What a transaction of this login begins with where the session is not ours to change."""
    whom = await connection.fetchval(_WHOM)
    return f"SET LOCAL TIME ZONE 'UTC'; {_LOOKING}" + (f"; SET LOCAL ROLE {whom}" if whom else "")


async def _speak_json(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "json", schema="pg_catalog", format="binary", encoder=bytes, decoder=orjson.loads
    )
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=_to_jsonb, decoder=_from_jsonb
    )


def _to_jsonb(payload: bytes) -> bytes:
    return b"\x01" + payload  # jsonb on the wire is JSON after a version byte


def _from_jsonb(data: bytes) -> Any:
    return orjson.loads(memoryview(data)[1:])
