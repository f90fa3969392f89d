"""What stands in a database already, and cannot stand beside SoulPrint: judged from the catalogue alone.

Two tables of the app's are adopted: they get what they lack, and nothing of theirs is dropped or retyped. So
what they have must be good enough; and every other name that SoulPrint makes must be free.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import asyncpg

from shared.postgres.statements import Made

PROFILES: Final = "user_profiles"
PASSAGES: Final = "conversation_chunks"
ADOPTED: Final = (PROFILES, PASSAGES)


@dataclass(frozen=True, slots=True)
class Conflict:
    """One thing that must change before SoulPrint can come: what it is and what it needs to be."""

    place: str
    found: str
    needed: str

    def __str__(self) -> str:
        return f"{self.place}: is {self.found}, needs {self.needed}"


@dataclass(frozen=True, slots=True)
class _Kind:
    """Types that are as good as each other, in words and as the catalogue names them."""

    told: str
    types: tuple[str, ...]


_TEXT: Final = _Kind("text or varchar", ("text", "character varying"))
_LONG: Final = _Kind("text or varchar without a length", ("text", "character varying"))
_COUNT: Final = _Kind("integer or bigint", ("integer", "bigint"))
_NUMBER: Final = _Kind(
    "a number type", ("smallint", "integer", "bigint", "real", "double precision", "numeric")
)
_UUID: Final = _Kind("uuid", ("uuid",))
_BOOLEAN: Final = _Kind("boolean", ("boolean",))
_TIME: Final = _Kind("timestamp with time zone", ("timestamp with time zone",))


@dataclass(frozen=True, slots=True)
class Need:
    """A column that we read or write, where the table has it already."""

    kind: _Kind
    must: bool = False
    """It has to be there: it is none that could be added."""
    emptied: bool = False
    """We write nulls into it."""
    words: tuple[str, ...] = ()
    """What we write into it, which a check may refuse."""


NEEDS: Final[dict[str, dict[str, Need]]] = {
    PROFILES: {
        "id": Need(_UUID),
        "user_id": Need(_UUID, must=True),
        **{
            f"{section}_md": Need(_LONG, emptied=True)
            for section in ("soul", "identity", "user", "agents", "tools", "memory")
        },
        "soulprint_text": Need(_LONG, emptied=True),
        "import_status": Need(_TEXT),
        "import_error": Need(_LONG, emptied=True),
        "import_stage": Need(_TEXT),
        "progress_percent": Need(_NUMBER),
        "processing_started_at": Need(_TIME),
        "full_pass_status": Need(_TEXT, words=("pending", "processing", "complete", "failed")),
        "full_pass_started_at": Need(_TIME),
        "full_pass_completed_at": Need(_TIME, emptied=True),
        "full_pass_error": Need(_LONG, emptied=True),
        "ai_name": Need(_TEXT),
        "archetype": Need(_TEXT),
        "storage_path": Need(_TEXT),
        "file_type": Need(_TEXT),
        "import_cost_json": Need(_TEXT),
        "total_conversations": Need(_COUNT),
        "total_messages": Need(_COUNT),
        "total_chunks": Need(_COUNT),
        "processed_chunks": Need(_COUNT),
        "embedding_progress": Need(_COUNT),
        "embedding_status": Need(_TEXT, words=("pending", "processing", "complete")),
        "memory_status": Need(_TEXT, words=("none", "building", "ready")),
        "soulprint_generated_at": Need(_TIME),
        "import_id": Need(_UUID, emptied=True),
        "run": Need(_COUNT, emptied=True),
        "pipeline": Need(_TEXT, emptied=True),
        "created_at": Need(_TIME),
        "updated_at": Need(_TIME),
    },
    PASSAGES: {
        "id": Need(_UUID, must=True),
        "user_id": Need(_UUID, must=True),
        "conversation_id": Need(_TEXT, must=True),
        "passage_index": Need(_COUNT),
        "title": Need(_LONG),
        "content": Need(_LONG, must=True),
        "token_count": Need(_COUNT),
        "chunk_tier": Need(_TEXT, words=("micro", "medium", "macro")),
        "is_recent": Need(_BOOLEAN),
        "message_count": Need(_COUNT),
        "created_at": Need(_TIME, must=True),
        "updated_at": Need(_TIME),
    },
}
"""Tests hold this against the columns that the migrations make."""
_INSERTED: Final = {PROFILES: {"user_id"}, PASSAGES: {*NEEDS[PASSAGES]} - {"id", "updated_at"}}
"""What every row that we add says; a row of ours has the default for the rest."""

_COLUMNS: Final = """
SELECT a.attname AS name, format_type(a.atttypid, NULL) AS type,
       format_type(a.atttypid, a.atttypmod) AS told, a.attnotnull AS required,
       a.attgenerated <> '' AS generated, a.attidentity = 'a' AS identity,
       a.atthasdef OR a.attidentity <> '' AS defaulted
FROM pg_attribute a
WHERE a.attrelid = to_regclass('public.' || $1) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""
_TABLE: Final = """
SELECT c.relkind::text AS kind, pg_get_userbyid(c.relowner) AS owner,
       pg_has_role(c.relowner, 'USAGE') AS ours, current_user::text AS me
FROM pg_class c WHERE c.oid = to_regclass('public.' || $1)
"""
_CHECKS: Final = """
SELECT a.attname AS name, pg_get_expr(c.conbin, c.conrelid) AS rule
FROM pg_constraint c JOIN pg_attribute a ON a.attrelid = c.conrelid AND c.conkey = ARRAY[a.attnum]
WHERE c.conrelid = to_regclass('public.' || $1) AND c.contype = 'c' ORDER BY a.attnum, c.conname
"""
_UNIQUE: Final = """
SELECT EXISTS (
    SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = to_regclass('public.user_profiles') AND i.indisunique AND i.indisvalid
      AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL AND i.indnkeyatts = 1
      AND a.attname = 'user_id')
"""
_NAMED: Final = """
SELECT CASE c.relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view'
                      WHEN 'm' THEN 'materialized view' WHEN 'i' THEN 'index' WHEN 'S' THEN 'sequence'
                      ELSE 'relation' END AS kind, c.relname AS name, '' AS of
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace
UNION ALL SELECT 'type', t.typname, '' FROM pg_type t
WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('d', 'e', 'r')
UNION ALL SELECT DISTINCT 'function', p.proname, '' FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace
UNION ALL SELECT 'policy', o.policyname, o.tablename FROM pg_policies o WHERE o.schemaname = 'public'
UNION ALL SELECT 'trigger', t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
"""
_USER: Final = """
SELECT format_type(p.prorettype, NULL) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'auth' AND p.proname = 'uid' AND p.pronargs = 0
"""
_KINDS: Final = {"v": "a view", "m": "a materialized view", "f": "a foreign table", "S": "a sequence"}


async def find_conflicts(connection: asyncpg.Connection, made: Collection[Made]) -> list[Conflict]:
    """All conflicts, in order. `made` is what is still to be made."""
    conflicts = []
    for table in ADOPTED:
        conflicts += await _of_table(connection, table)
    conflicts += await _of_names(connection, made)
    user = await connection.fetchval(_USER)
    if user not in (None, "uuid"):
        conflicts.append(Conflict("auth.uid()", user, "uuid"))
    return conflicts


async def _of_table(connection: asyncpg.Connection, table: str) -> list[Conflict]:
    stands = await connection.fetchrow(_TABLE, table)
    if stands is None:
        return []
    if stands["kind"] not in ("r", "p"):
        return [Conflict(table, _KINDS.get(stands["kind"], "no table"), "to be a table")]
    conflicts = []
    if not stands["ours"]:
        conflicts.append(
            Conflict(table, f"owned by {stands['owner']}", f"an owner that {stands['me']} may act as")
        )
    columns = {column["name"]: column for column in await connection.fetch(_COLUMNS, table)}
    for name, column in columns.items():
        need = NEEDS[table].get(name)
        found, needed = _judged(column, need, table)
        if needed:
            conflicts.append(Conflict(f"{table}.{name}", found, needed))
    for check in await connection.fetch(_CHECKS, table):
        conflicts += await _of_check(connection, table, check["name"], check["rule"])
    for name, need in NEEDS[table].items():
        if need.must and name not in columns:
            conflicts.append(Conflict(f"{table}.{name}", "missing", need.kind.told))
    if table == PROFILES and "user_id" in columns and not await connection.fetchval(_UNIQUE):
        conflicts.append(Conflict(f"{table}.user_id", "not unique", "a unique index: one row a user"))
    return conflicts


async def _of_check(connection: asyncpg.Connection, table: str, column: str, rule: str) -> list[Conflict]:
    """A check that refuses what we write; that on import_status is widened."""
    need = NEEDS[table].get(column)
    if need is None or not need.words:
        return []
    refused = await connection.fetchval(
        f"SELECT string_agg(quote_literal({column}), ', ') FROM unnest($1::text[]) AS u({column}) "  # noqa: S608
        f"WHERE ({rule}) IS FALSE",
        list(need.words),
    )
    return (
        [Conflict(f"{table}.{column}", f"checked to be none of {refused}", "to take them")] if refused else []
    )


def _judged(column: asyncpg.Record, need: Need | None, table: str) -> tuple[str, str]:
    """What a column is and needs to be; nothing, where it will do."""
    if need is None:
        if column["required"] and not (column["defaulted"] or column["generated"]):
            return f"{column['told']} not null without a default", "a default, or to take null"
    elif column["type"] not in need.kind.types or (need.kind is _LONG and "(" in column["told"]):
        return column["told"], need.kind.told
    elif column["generated"] or column["identity"]:
        return "generated", "to be plain"
    elif column["required"] and need.emptied:
        return "not null", "to take null"
    elif column["required"] and not column["defaulted"] and column["name"] not in _INSERTED[table]:
        return f"{column['told']} not null without a default", "a default, or to take null"
    return "", ""


async def _of_names(connection: asyncpg.Connection, made: Collection[Made]) -> list[Conflict]:
    if not made:
        return []
    taken = [(row["kind"], row["name"], row["of"]) for row in await connection.fetch(_NAMED)]
    conflicts = []
    for one in sorted(made):
        if one.kind == "table" and one.name in ADOPTED:
            continue
        for kind, name, of in taken:
            if name == one.name and of == one.table and (kind == one.kind or not _apart(kind, one.kind)):
                place = f"public.{name}" if not of else f"{of}.{name}"
                conflicts.append(
                    Conflict(place, f"{_an(kind)} already", f"to be free for SoulPrint's {one.kind}")
                )
                break
    return conflicts


def _apart(one: str, other: str) -> bool:
    """Whether things of these two kinds may have one name."""
    alone = ("function", "policy", "trigger")
    return one in alone or other in alone


def _an(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"
