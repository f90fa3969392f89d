"""The direct transport: asyncpg, a pool of connections as service_role, JSON by orjson in binary."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import asyncpg

from shared.postgres.connection import CONNECT_SECONDS, UNREACHABLE, prepare
from shared.postgres.sqlstates import refusal
from shared.store.transport import to_json


class DirectTransport:
    """Calls SQL functions over a pool. `open_direct` makes one."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def call(self, function: str, argument: Mapping[str, Any]) -> Any:
        """See Transport."""
        payload = to_json(function, argument)
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
    return DirectTransport(pool)


async def _keep(_: asyncpg.Connection) -> None:
    """Calls leave no session state behind: nothing to reset, no round trip spent on it."""
