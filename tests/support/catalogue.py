"""What a database holds, and what its catalogue says of it, to be compared before and after."""

from __future__ import annotations

from typing import Any, Final

import asyncpg

from shared.postgres.adoption import ADOPTED

_PUBLIC: Final = "'public'::regnamespace"
_PARTS: Final = {
    "policies": "SELECT oid::text, polrelid::regclass::text, polname, polcmd, polpermissive, polroles::text,"
    " pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid) FROM pg_policy",
    "functions": "SELECT oid::text, oid::regprocedure::text, prosrc, proacl::text, proconfig::text,"
    f" prosecdef, proowner FROM pg_proc WHERE pronamespace = {_PUBLIC}",
    "relations": "SELECT oid::text, relname, relkind, relacl::text, relowner, relrowsecurity,"
    f" relforcerowsecurity FROM pg_class WHERE relnamespace = {_PUBLIC}",
    "columns": "SELECT attrelid || '.' || attnum, attname, format_type(atttypid, atttypmod), attnotnull,"
    " attacl::text, attstorage, attisdropped, pg_get_expr(adbin, adrelid) FROM pg_attribute"
    " JOIN pg_class c ON c.oid = attrelid LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum"
    f" WHERE relnamespace = {_PUBLIC}",
    "constraints": "SELECT oid::text, conrelid::regclass::text, conname, pg_get_constraintdef(oid)"
    f" FROM pg_constraint WHERE connamespace = {_PUBLIC}",
    "triggers": "SELECT oid::text, tgrelid::regclass::text, tgname, pg_get_triggerdef(oid), tgenabled"
    " FROM pg_trigger",
    "schemas": "SELECT oid::text, nspname, nspowner, array(SELECT unnest(nspacl)::text ORDER BY 1)::text"
    " FROM pg_namespace WHERE nspname NOT LIKE 'pg_%'",
}

Catalogue = dict[tuple[str, str], tuple[Any, ...]]
"""By part and id."""


async def catalogue_of(sql: asyncpg.Connection) -> Catalogue:
    """All that the catalogue says of what is in public, of policies and of triggers."""
    return {
        (part, row[0]): tuple(row)[1:] for part, query in _PARTS.items() for row in await sql.fetch(query)
    }


async def columns_of(sql: asyncpg.Connection) -> dict[str, list[str]]:
    """The columns of the adopted tables."""
    rows = await sql.fetch(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_name = ANY ($1)"
        " AND table_schema = 'public' ORDER BY ordinal_position",
        list(ADOPTED),
    )
    return {table: [name for of, name in rows if of == table] for table in ADOPTED}


async def rows_of(sql: asyncpg.Connection, columns: dict[str, list[str]]) -> dict[str, str]:
    """How many rows each table has, and a digest of them, in these columns."""
    return {
        table: await sql.fetchval(
            "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\\n' ORDER BY id)), '')"
            f" FROM (SELECT {', '.join(names)} FROM {table}) t"
        )
        for table, names in columns.items()
    }
