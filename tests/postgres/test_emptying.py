"""What makes tests strangers to each other: a database that has been emptied is as a new one."""

from __future__ import annotations

import asyncpg
import pytest

from tests.support.databases import Emptier
from tests.support.planted import plant
from tests.support.records import ANNA, BORIS

TABLES = """
    SELECT relname FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
      AND relname <> 'soulprint_migrations'
"""
USED = "SELECT seqrelid FROM pg_sequence WHERE pg_sequence_last_value(seqrelid) IS NOT NULL"


@pytest.mark.parametrize("many", [0, 5000])
async def test_nothing_is_left(emptied: Emptier, sql: asyncpg.Connection, many: int) -> None:
    tables = [row["relname"] for row in await sql.fetch(TABLES)]
    await plant(sql, tables, ANNA, BORIS)
    await sql.execute("SELECT held_policy()")
    await sql.execute(
        "INSERT INTO user_names (user_id, name)"
        " SELECT gen_random_uuid(), repeat('n', 100) || n FROM generate_series(1, $1) n",
        many,
    )
    assert all([await sql.fetchval(f"SELECT EXISTS (TABLE {table})") for table in tables])
    await emptied.empty()
    assert not any([await sql.fetchval(f"SELECT EXISTS (TABLE {table})") for table in tables])
    assert await sql.fetch(USED) == []
    assert await sql.fetchval("SELECT count(*) FROM soulprint_migrations") > 0
    if many:
        assert await sql.fetchval("SELECT pg_relation_size('user_names')") == 0, "no test scans the dead"
