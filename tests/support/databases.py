"""What tests do to a database, as superuser."""

from __future__ import annotations

import asyncpg

EMPTY = """
DO $$
BEGIN
    EXECUTE (
        SELECT 'TRUNCATE ' || string_agg(format('%I', tablename), ', ') || ' RESTART IDENTITY CASCADE'
        FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'soulprint_migrations');
END
$$;
"""
"""Emptying costs a tenth of making a database."""


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
