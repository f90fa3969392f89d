"""What tests do to a database, as superuser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

EMPTY = """
DO $$
DECLARE
    found record;
BEGIN
    SET LOCAL session_replication_role = replica;  -- each table goes for itself: no trigger, no foreign key
    EXECUTE (
        SELECT 'LOCK TABLE ' || string_agg(oid::regclass::text, ', ') FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'soulprint_migrations');
    FOR found IN
        SELECT oid::regclass::text AS name, pg_table_size(oid) AS bytes FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'soulprint_migrations'
          AND pg_relation_size(oid) > 0
    LOOP
        IF found.bytes > 262144 THEN
            EXECUTE 'TRUNCATE ' || found.name || ' CASCADE';
        ELSE
            EXECUTE 'DELETE FROM ' || found.name;
        END IF;
    END LOOP;
    PERFORM setval(seqrelid, seqstart, false) FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid
    WHERE relnamespace = 'public'::regnamespace AND pg_sequence_last_value(seqrelid) IS NOT NULL;
END
$$;
"""
"""Emptying costs a hundredth of making a database. Deleting few rows is cheaper by far than TRUNCATE, which
makes all files anew and has every connection forget its plans; the lock waits, as that does, for whatever the
last test left under way."""


class Emptier:
    """Empties one database, by a connection that is kept: a new one would have all to learn first."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self._connection: asyncpg.Connection | None = None

    async def empty(self) -> None:
        """No table has a row but that of the migrations."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(self.dsn)
        await self._connection.execute(EMPTY)

    async def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            await self._connection.close()


@asynccontextmanager
async def emptier(dsn: str) -> AsyncIterator[Emptier]:
    """For one migrated database."""
    found = Emptier(dsn)
    try:
        yield found
    finally:
        await found.close()


def dsn_of(server: str, database: str) -> str:
    """The DSN of another database of the same server."""
    return server.replace("@/postgres?", f"@/{database}?")


async def run_sql(dsn: str, statement: str) -> None:
    """Run one statement as superuser."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
