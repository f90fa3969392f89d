"""What a shadow run must leave as it is, to be compared byte by byte between two worlds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid5

import asyncpg

from shared.domain.ids import shadow_id
from shared.store.runs import RunRow
from shared.store.store import Store
from tests.support.records import SEED
from tests.support.waiting import until

SEEN: Final = ("user_profiles", "conversation_chunks", "conversation_runs", "served_memories", "lineages")
BY_CHANCE: Final = {"user_profiles": "id", "conversation_chunks": "id", "conversation_runs": "ordinal"}
"""Columns that a database draws, or counts over all users: who came first among them is chance."""
UNSETTLED = """
SELECT EXISTS (SELECT FROM imports WHERE state NOT IN ('complete', 'failed', 'cancelled'))
    OR EXISTS (SELECT FROM callbacks WHERE state IN ('due', 'marked'))
"""
KINDS = "SELECT kind, pipeline, state, count(*) FROM imports GROUP BY kind, pipeline, state ORDER BY 1, 2, 3"


@dataclass(frozen=True, slots=True)
class World:
    """What the app sees of all users: rows without times, and who was told of imports into v1. Who is told of
    one into v2, once or of first sections too, is a matter of what was faster."""

    rows: Mapping[str, list[str]]
    told: list[str]


def person(number: int) -> UUID:
    """The same in every world."""
    return uuid5(SEED, f"person {number}")


async def rows_of(sql: asyncpg.Connection) -> dict[str, list[str]]:
    """Every row of what is seen, as JSON, without times."""
    times = {
        row["table_name"]: row["names"]
        for row in await sql.fetch(
            "SELECT table_name::text, array_agg(column_name::text) AS names FROM information_schema.columns "
            "WHERE table_schema = 'public' AND data_type LIKE 'timestamp%' GROUP BY table_name"
        )
    }
    found = {}
    for name in SEEN:
        without = [*times.get(name, ()), *filter(None, [BY_CHANCE.get(name)])]
        rows = await sql.fetch(f"SELECT (to_jsonb(t) - $1::text[])::text AS row FROM {name} t", without)
        found[name] = sorted(row["row"] for row in rows)
    return found


async def shadow_ended(store: Store, import_id: UUID, run: int = 1) -> RunRow:
    """The shadow run of an import in v2, once it has ended."""
    found: list[RunRow] = []

    async def has() -> bool:
        """the shadow run ends"""
        rows = await store.list_runs(shadow_id(import_id, "v2"))
        found[:] = [row for row in rows if row.run == run and row.ended]
        return bool(found)

    await until(has, 120)
    return found[0]


async def kinds(sql: asyncpg.Connection) -> dict[tuple[str, str, str], int]:
    """How many runs there are, by kind, pipeline and state."""
    return {tuple(row)[:3]: row["count"] for row in await sql.fetch(KINDS)}  # type: ignore[misc]


async def settled(sql: asyncpg.Connection) -> None:
    """Return when no run is under way, and no call of the app is owed."""

    async def is_settled() -> bool:
        """every run has ended, and the app is told"""
        return not await sql.fetchval(UNSETTLED)

    await until(is_settled, 120)
