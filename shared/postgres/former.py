"""A database as SoulPrint made it before its first release: its rows are people's memories.

Its tables are set aside in a schema of their own, the files of now make theirs, and the rows come back into
them. `former.json` has what the former files were and made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg
import orjson

from shared.domain.errors import MigrationError
from shared.postgres.plan import Teller
from shared.postgres.versions import OWN, Migration

FILE: Final = "former"
"""What a plan calls the statements here."""
_ASIDE: Final = "soulprint_former"
_MAKING: Final = "0017"
"""The number of the last file that makes one of those tables: later ones find the rows in their place."""
_TOLD_BY: Final = "0002_imports"
"""A file that tells what a database is of: others are the same before and after."""
_CHANGED: Final = {("conversation_chunks", "created_at"): "coalesce(created_at, 'epoch')"}
"""Columns that come back otherwise than they were."""

_FUNCTIONS: Final = """
SELECT p.oid::regprocedure::text FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND p.proname = ANY ($1) ORDER BY 1
"""
_COLUMNS: Final = """
SELECT n.attname AS name, n.attidentity <> '' AS numbered
FROM pg_attribute n JOIN pg_attribute o ON o.attname = n.attname AND o.attnum > 0 AND NOT o.attisdropped
WHERE n.attrelid = to_regclass('public.' || $1) AND o.attrelid = to_regclass($2 || '.' || $1)
  AND n.attnum > 0 AND NOT n.attisdropped AND n.attgenerated = '' ORDER BY n.attnum
"""
_SECTIONS: Final = """jsonb_build_object('app', '{}'::jsonb, 'markdown', jsonb_strip_nulls(jsonb_build_object(
    'soul', soul_md, 'identity', identity_md, 'user', user_md, 'agents', agents_md, 'tools', tools_md)))"""
_SERVED: Final = f"""
INSERT INTO public.served_memories (
    user_id, import_id, run, pipeline, memory_import_id, memory_run, documents, served_at)
SELECT user_id, import_id, run, pipeline, memory_import_id, memory_run, {_SECTIONS},
       coalesce(full_pass_completed_at, updated_at)
FROM {_ASIDE}.user_profiles WHERE import_id IS NOT NULL
"""  # noqa: S608 - of constants
_WRITTEN: Final = f"UPDATE public.profile_versions SET documents = {_SECTIONS}"  # noqa: S608


def is_former(applied: Mapping[str, str]) -> bool:
    """Whether these versions, with their checksums, are those of the files of before. Raises MigrationError
    where they are the first of them only."""
    versions = _facts()["versions"]
    if applied == versions:
        return True
    if _TOLD_BY in applied and applied.items() <= versions.items():
        raise MigrationError(
            f"migrate: this database is of a SoulPrint from before the first release, with {len(applied)} of "
            f"its {len(versions)} migrations; bring it up to date with the last of those first"
        )
    return False


async def set_aside(connection: asyncpg.Connection, teller: Teller) -> None:
    """Make room: what the former files made is dropped or, if it holds rows, kept in a schema of its own."""
    facts = _facts()
    functions = await connection.fetch(_FUNCTIONS, facts["functions"])
    views = ", ".join(f"public.{name}" for name in facts["views"])
    for statement in (
        f"DROP VIEW {views}",
        "DROP TRIGGER bound_request_time ON public.imports",
        *(f"DROP FUNCTION {signature}" for (signature,) in functions),
        f"CREATE SCHEMA {_ASIDE}",
        *(f"ALTER TABLE public.{table} SET SCHEMA {_ASIDE}" for table in facts["tables"]),
        f"DELETE FROM public.{OWN}",  # noqa: S608
    ):
        await teller.run(FILE, statement)


async def bring_back(connection: asyncpg.Connection, teller: Teller) -> None:
    """Put the rows into the tables of now, and drop those of before."""
    tables = _facts()["tables"]
    for table in tables:
        columns = await connection.fetch(_COLUMNS, table, _ASIDE)
        names = [column["name"] for column in columns]
        values = ", ".join(_CHANGED.get((table, name), name) for name in names)
        await teller.run(
            FILE,
            f"INSERT INTO public.{table} ({', '.join(names)}) OVERRIDING SYSTEM VALUE "  # noqa: S608
            f"SELECT {values} FROM {_ASIDE}.{table}",
        )
        for number in (column["name"] for column in columns if column["numbered"]):
            await teller.run(
                FILE,
                f"SELECT setval(pg_get_serial_sequence('public.{table}', '{number}'), "  # noqa: S608
                f"coalesce(max({number}), 1), max({number}) IS NOT NULL) FROM public.{table}",
            )
    for statement in (
        _SERVED,
        _WRITTEN,
        f"DROP TABLE {', '.join(f'{_ASIDE}.{table}' for table in tables)}",
        f"DROP SCHEMA {_ASIDE}",
    ):
        await teller.run(FILE, statement.strip())


def last_of(migrations: Sequence[Migration]) -> Migration:
    """The last file that makes a table whose rows come back."""
    return [migration for migration in migrations if migration.version[:4] <= _MAKING][-1]


def _facts() -> dict[str, Any]:
    facts: dict[str, Any] = orjson.loads(Path(__file__).with_name("former.json").read_bytes())
    return facts
