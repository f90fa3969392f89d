"""Brings a database's schema up to date: numbered SQL files, each applied once, in order, never changed.

What is missing is applied in one transaction: a database is as it was, or up to date.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg

from shared.domain.errors import ConflictError, MigrationError
from shared.postgres import former
from shared.postgres.adoption import find_conflicts
from shared.postgres.connection import CONNECT_SECONDS, UNREACHABLE, connect, leave, transaction
from shared.postgres.plan import Plan
from shared.postgres.pooler import direct_only, recognised
from shared.postgres.turn import Patience, Turn
from shared.postgres.versions import (
    Migration,
    applied,
    load_migrations,
    migrations_folder,
    missing,
    require_current,
)

_CHANGED = "NOTIFY pgrst, 'reload schema'"
"""Has a PostgREST before the database, if there is one, read the schema anew."""
_MAY_CHANGE = "SELECT has_table_privilege('public.soulprint_migrations', 'INSERT')"


async def migrate(dsn: str, folder: Path | None = None, patience: Patience | None = None) -> list[str]:
    """Apply what is missing, all in one transaction; answers the versions applied. Safe to run at once.

    Raises MigrationError, naming the file, where an applied one was changed or is gone, a new one is
    numbered before an applied one, or the database refuses one or is not patient enough; ConflictError where
    it holds what SoulPrint cannot stand beside; UsageError where something is missing and the address leads
    to a transaction pooler. Then the database is as it was.
    """
    done = await _brought(dsn, folder, patience, kept=True)
    if done.conflicts:
        raise ConflictError([str(conflict) for conflict in done.conflicts])
    return done.versions


async def plan(dsn: str, folder: Path | None = None, patience: Patience | None = None) -> Plan:
    """What `migrate` would do: it is done, statement by statement, and undone. Meanwhile what it changes is
    locked, for as long as `migrate` would. Raises what `migrate` raises, but for conflicts, which are told:
    also those of a database that is up to date, and was changed under SoulPrint."""
    return await _brought(dsn, folder, patience, kept=False)


async def _brought(dsn: str, folder: Path | None, patience: Patience | None, *, kept: bool) -> Plan:
    migrations = load_migrations(folder or migrations_folder())
    try:
        address = await recognised(dsn)
        connection = await connect(address.dsn, statements=False)
    except (*UNREACHABLE, asyncpg.PostgresError, ValueError) as error:
        state = getattr(error, "sqlstate", None)
        raise MigrationError(
            "migrate: the database cannot be reached; is it running?", sqlstate=state
        ) from None
    try:
        async with asyncio.timeout(CONNECT_SECONDS), transaction(connection):
            if await _is_current(connection, migrations):
                return Plan(conflicts=[] if kept else await find_conflicts(connection, ()))
        if address.pooled:
            raise direct_only("migrate")
        done = await Turn(connection, migrations, patience or Patience()).take(kept=kept)
        if kept:
            async with asyncio.timeout(CONNECT_SECONDS), transaction(connection):
                await connection.execute(_CHANGED)
        return done
    except UNREACHABLE:
        raise MigrationError("migrate: the database gave no answer any more; run it again") from None
    finally:
        await leave(connection)


async def _is_current(connection: asyncpg.Connection, migrations: list[Migration]) -> bool:
    """True if nothing is missing, seen without a lock: the common start of a process."""
    done = await applied(connection)
    if done and not await connection.fetchval(_MAY_CHANGE):
        require_current(done)  # a service's login, which may not migrate
    return not former.is_former(done) and not missing(done, migrations)
