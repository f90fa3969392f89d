"""A direct connection: how long to wait for one, what it raises where no server answers, what it speaks."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import orjson

ROLE = "service_role"
CONNECT_SECONDS = 15.0
UNREACHABLE = (OSError, asyncio.TimeoutError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What asyncpg raises where no server answers, or no longer."""


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
