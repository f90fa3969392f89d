"""The direct transport: asyncpg, a pool of connections as service_role, JSON by orjson in binary."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg
import orjson

from shared.domain.errors import StoreError
from shared.store.transport import refusal

ROLE = "service_role"
CONNECT_SECONDS = 15.0
UNREACHABLE = (OSError, asyncio.TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises where no server answers, or no longer."""


class DirectTransport:
    """Calls SQL functions over a pool. `open_direct` makes one."""

    def __init__(self, pool: asyncpg.Pool, dsn: str) -> None:
        self._pool = pool
        self.dsn = dsn

    async def call(self, function: str, argument: Mapping[str, Any]) -> Any:
        """See Transport."""
        try:
            payload = orjson.dumps(argument)
        except TypeError:  # its message may show the value
            raise StoreError(
                f"{function}: an argument cannot be written as JSON, such as a lone surrogate"
            ) from None
        try:
            async with self._pool.acquire() as connection:
                return await connection.fetchval(f'SELECT public."{function}"($1)', payload)
        except asyncpg.PostgresError as error:
            raise refusal(function, error.sqlstate, error.message) from None
        except UNREACHABLE:
            raise refusal(function, None) from None

    async def close(self) -> None:
        """See Transport. Waits for calls under way for a moment, then drops them."""
        try:
            await asyncio.wait_for(self._pool.close(), CONNECT_SECONDS)
        except UNREACHABLE:
            self._pool.terminate()


async def open_direct(dsn: str, *, connections: int = 4) -> DirectTransport:
    """A transport over at most `connections` connections. Raises StoreError if the first cannot be had."""
    try:
        pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=connections,
            timeout=CONNECT_SECONDS,
            max_inactive_connection_lifetime=0,
            init=prepare,
            reset=_keep,
        )
    except asyncpg.PostgresError as error:
        raise refusal("connect", error.sqlstate) from None
    except (*UNREACHABLE, ValueError):
        raise refusal("connect", None) from None
    return DirectTransport(pool, dsn)


async def prepare(connection: asyncpg.Connection) -> None:
    """Make a fresh connection speak JSON (written as bytes, read as values), in UTC, as service_role."""
    await connection.set_type_codec(
        "json", schema="pg_catalog", format="binary", encoder=bytes, decoder=orjson.loads
    )
    await connection.set_type_codec(
        "jsonb", schema="pg_catalog", format="binary", encoder=_to_jsonb, decoder=_from_jsonb
    )
    await connection.execute(f"SET TIME ZONE 'UTC'; SET ROLE {ROLE}")


def _to_jsonb(payload: bytes) -> bytes:
    return b"\x01" + payload  # jsonb on the wire is JSON after a version byte


def _from_jsonb(data: bytes) -> Any:
    return orjson.loads(memoryview(data)[1:])


async def _keep(_: asyncpg.Connection) -> None:
    """Calls leave no session state behind: nothing to reset, no round trip spent on it."""
