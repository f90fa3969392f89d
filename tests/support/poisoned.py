"""A database of which every text is a stranger's: whatever a column takes was put there by hand.

Columns are taken from the catalogue, so that a new one is not forgotten. Left alone are those whose words the
code tells apart (their rows could not be read), ids and hashes, and what a check of the database refuses.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

import asyncpg

from tests.support.hostile_text import MARK

COLUMNS: Final = """
SELECT table_name, column_name, data_type FROM information_schema.columns JOIN information_schema.tables
USING (table_schema, table_name)
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND is_generated = 'NEVER'
  AND data_type IN ('text', 'jsonb', 'ARRAY') AND table_name <> 'soulprint_migrations'
ORDER BY 1, 2
"""
SHORT: Final = f"{MARK}\x1b[2J\x9b\u202e\n[bold]"
"""Where little has room."""
_TOLD_APART: Final = re.compile(
    r"(^|_)(id|ids|hash|key|digest|state|status|kind|lane|lanes|mode|pipeline|stage|which|unserved|category|"
    r"source_kind|paused_why|tier|reason_kind|variant|unit|format|run)$"
)
_READ_AS: Final = re.compile(r"\d{4}-\d\d-\d\d|[0-9a-f]{8}-[0-9a-f]{4}-|v\d+$")
"""Texts that are times, ids and pipelines."""
_KEYS_TOLD_APART: Final = frozenset({"state", "status", "kind", "lane", "pipeline", "stage", "which", "did"})


async def poison(connection: asyncpg.Connection, value: str) -> set[str]:
    """Put `value` into every text that there is. Answers the columns, as `table.column`."""
    done = set()
    await connection.execute("SET session_replication_role = replica")  # no trigger, no foreign key
    for table, column, kind in await connection.fetch(COLUMNS):
        if _TOLD_APART.search(column):
            continue
        for each in (value, SHORT):
            try:
                async with connection.transaction():
                    count = await _poison(connection, table, column, kind, each)
            except (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError):
                continue
            if count:
                done.add(f"{table}.{column}")
            break
    await connection.execute("SET session_replication_role = origin")
    return done


async def _poison(connection: asyncpg.Connection, table: str, column: str, kind: str, value: str) -> int:
    rows = await connection.fetch(f'SELECT ctid, "{column}" AS old FROM public."{table}"')
    for number, row in enumerate(rows):
        new: Any = f"{value} {number}"
        cast = ""
        if kind == "ARRAY":
            new = [new] * max(1, len(row["old"] or ()))
        elif kind == "jsonb":
            if row["old"] is None:
                continue
            new, cast = json.dumps(_inside(json.loads(row["old"]), value)), "::jsonb"
        await connection.execute(
            f'UPDATE public."{table}" SET "{column}" = $2{cast} WHERE ctid = $1', row["ctid"], new
        )
    return len(rows)


def _inside(old: Any, value: str, key: str = "") -> Any:
    """The same with `value` for each of its texts."""
    if isinstance(old, dict):
        return {name: _inside(each, value, name) for name, each in old.items()}
    if isinstance(old, list):
        return [_inside(each, value, key) for each in old]
    if (
        isinstance(old, str)
        and not _READ_AS.match(old)
        and key not in _KEYS_TOLD_APART
        and not _TOLD_APART.search(key)
    ):
        return value
    return old
