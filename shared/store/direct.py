"""The direct transport: asyncpg, a pool of connections as soulprint_service, JSON by orjson in binary.

Behind a transaction pooler no prepared statement is kept and no session is changed: each call is a
transaction that takes the role and the time zone for itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import asyncpg

from shared.postgres.connection import (
    CLOSE_SECONDS,
    CONNECT_SECONDS,
    UNREACHABLE,
    acting,
    dropped_on_failure,
    prepare,
    prepare_shared,
    transaction,
)
from shared.postgres.pooler import recognised
from shared.postgres.sqlstates import refusal, unanswered
from shared.store.transport import CALL_SECONDS, seconds_for, to_json

QUIET_SECONDS = 10.0
"""A connection that was not heard of for so long is asked whether it answers, before a call is made on it."""


class Heard(asyncpg.Connection):  # type: ignore[misc]  # asyncpg is untyped
    """A connection that knows when it was last heard of."""

    __slots__ = ("_heard",)

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.heard()

    def heard(self) -> None:
        self._heard = time.monotonic()

    def quiet(self) -> float:
        """Seconds since then."""
        return time.monotonic() - self._heard


class DirectTransport:
    """Calls SQL functions over a pool. `open_direct` makes one."""

    def __init__(self, pool: asyncpg.Pool, *, first: str, seconds: float) -> None:
        self._pool = pool
        self._first = first
        """What each call begins with, as a transaction; empty where the session is ours."""
        self._seconds = seconds

    async def call(self, function: str, argument: Mapping[str, Any]) -> Any:
        """See Transport."""
        payload = to_json(function, argument)
        seconds = seconds_for(function, self._seconds)
        try:
            async with asyncio.timeout(seconds) as bound:
                sure = seconds > self._seconds
                return await self._ask(f'SELECT public."{function}"($1)', payload, sure=sure)
        except asyncpg.PostgresError as error:
            raise refusal(function, error.sqlstate, error.message) from None
        except UNREACHABLE:
            raise unanswered(function, seconds) if bound.expired() else refusal(function, None) from None

    async def _ask(self, query: str, payload: bytes, *, sure: bool) -> Any:
        """`sure`: on no connection that may have gone silent, as the bound of the call is long."""
        while True:
            async with self._pool.acquire() as connection:
                if (sure or connection.quiet() > QUIET_SECONDS) and not await _answers(connection):
                    continue
                found = await self._answer(connection, query, payload)
                connection.heard()
                return found

    async def _answer(self, connection: Any, query: str, payload: bytes) -> Any:
        if self._first:
            async with transaction(connection, self._first):
                return await connection.fetchval(query, payload)
        try:  # dropped_on_failure, which takes a fifth of a small call
            return await connection.fetchval(query, payload)
        except asyncpg.PostgresError:
            raise
        except BaseException:
            connection.terminate()
            raise

    async def close(self) -> None:
        """See Transport. Waits for calls under way for a moment, then drops them."""
        try:
            await asyncio.wait_for(self._pool.close(), CLOSE_SECONDS)
        except UNREACHABLE:
            self._pool.terminate()


async def open_direct(dsn: str, *, connections: int = 4, seconds: float = CALL_SECONDS) -> DirectTransport:
    """A transport over at most `connections` connections, for calls of so many `seconds` (`seconds_for`).
    Raises StoreError if the first connection cannot be had."""
    try:
        address = await recognised(dsn)
        pool = await asyncpg.create_pool(
            address.dsn,
            min_size=0,  # asyncpg makes up for connections lost in a task of its own, with no bound
            max_size=connections,
            timeout=CONNECT_SECONDS,
            max_inactive_connection_lifetime=0,
            init=prepare_shared if address.pooled else prepare,
            reset=_keep,
            connection_class=Heard,
            **({"statement_cache_size": 0} if address.pooled else {}),
        )
        async with pool.acquire() as connection:
            first = await _shared_first(connection) if address.pooled else ""
        return DirectTransport(pool, first=first, seconds=seconds)
    except asyncpg.PostgresError as error:
        raise refusal("connect", error.sqlstate) from None
    except (*UNREACHABLE, ValueError):
        raise refusal("connect", None) from None


async def _answers(connection: Any) -> bool:
    """Whether a connection answers. One that does not is dropped: the next is tried, or a fresh one."""
    try:
        async with asyncio.timeout(CONNECT_SECONDS), dropped_on_failure(connection):
            await connection.execute("SELECT 1")
    except asyncpg.PostgresError:  # an answer, if no good one: the call will meet it too
        return True
    except UNREACHABLE:
        return False
    return True


async def _shared_first(connection: asyncpg.Connection) -> str:
    async with asyncio.timeout(CONNECT_SECONDS), transaction(connection):
        return await acting(connection)


async def _keep(_: asyncpg.Connection) -> None:
    """Calls leave no session state behind: nothing to reset, no round trip spent on it."""
