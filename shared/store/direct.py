"""The direct transport: asyncpg, a pool of connections as soulprint_service, JSON by orjson in binary.

Behind a transaction pooler no prepared statement is kept and no session is changed: each call is a
transaction that takes the role and the time zone for itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from contextlib import suppress
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


_AT_WORK = "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'virtualxid' AND pid = $1)"
"""Every transaction holds a lock on its own number; whoever may see nothing else sees that."""


class NotAtWorkError(Exception):
    """The server does not work on a call that it has not answered."""


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
                long = seconds > self._seconds
                return await self._ask(f'SELECT public."{function}"($1)', payload, long=long)
        except asyncpg.PostgresError as error:
            raise refusal(function, error.sqlstate, error.message) from None
        except NotAtWorkError:
            raise unanswered(function, self._seconds) from None
        except UNREACHABLE:
            raise unanswered(function, seconds) if bound.expired() else refusal(function, None) from None

    async def _ask(self, query: str, argument: bytes | int, *, long: bool) -> Any:
        """`long`: on a connection that has just answered, and for as long as its server is at it."""
        while True:
            async with self._pool.acquire() as connection:
                server: int | None = 0
                if long or connection.quiet() > QUIET_SECONDS:
                    server = await self._server_of(connection)
                if server is not None:
                    answer = self._answer(connection, query, argument)
                    found = await (self._watched(server, answer) if long and server else answer)
                    connection.heard()
                    return found

    async def _server_of(self, connection: Any) -> int | None:
        """The process that works for a connection, 0 if nobody says; None if it does not answer: then it is
        dropped. Raises asyncpg.PostgresError where it is refused, as the call itself would be."""
        # A task, and none that is cancelled where it answers in time.
        asked = asyncio.create_task(self._asked(connection))
        try:
            answers = await _done(asked, CONNECT_SECONDS)
        finally:
            if not asked.done():
                connection.terminate()
                asked.cancel()
        return asked.result() if answers else None

    async def _asked(self, connection: Any) -> int | None:
        try:
            async with dropped_on_failure(connection):
                if self._first:  # the next statement may be another's
                    await connection.execute("SELECT 1")
                    return 0
                return int(await connection.fetchval("SELECT pg_backend_pid()"))
        except UNREACHABLE:
            return None

    async def _answer(self, connection: Any, query: str, argument: bytes | int) -> Any:
        if self._first:
            async with transaction(connection, self._first):
                return await connection.fetchval(query, argument)
        try:  # dropped_on_failure, which takes a fifth of a small call
            return await connection.fetchval(query, argument)
        except asyncpg.PostgresError:
            raise
        except BaseException:
            connection.terminate()
            raise

    async def _watched(self, server: int, answer: Coroutine[Any, Any, Any]) -> Any:
        """The answer of a call that may take minutes; now and then it is asked whether its server is at it:
        what was sent, or its answer, may be lost."""
        call = asyncio.create_task(answer)
        try:
            while not await _done(call, self._seconds):
                if await self._at_work(server) is False and not await _done(call, CONNECT_SECONDS):
                    raise NotAtWorkError
            return call.result()
        finally:
            if not call.done():
                call.cancel()
                await asyncio.wait([call])

    async def _at_work(self, server: int) -> bool | None:
        """Whether a process of the server is in a transaction; None if nobody says so."""
        with suppress(*UNREACHABLE, asyncpg.PostgresError):
            async with asyncio.timeout(self._seconds):
                found: bool = await self._ask(_AT_WORK, server, long=False)
                return found
        return None

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


async def _done(call: asyncio.Task[Any], seconds: float) -> bool:
    """Whether it is, after at most so many seconds."""
    return bool((await asyncio.wait([call], timeout=seconds))[0])


async def _shared_first(connection: asyncpg.Connection) -> str:
    async with asyncio.timeout(CONNECT_SECONDS), transaction(connection):
        return await acting(connection)


async def _keep(_: asyncpg.Connection) -> None:
    """Calls leave no session state behind: nothing to reset, no round trip spent on it."""
