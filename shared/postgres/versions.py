"""Migrations: numbered SQL files, and which of them a database has."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
import orjson

from shared.domain.errors import MigrationError
from shared.postgres.connection import acting

OWN: Final = "soulprint_migrations"
OWN_TABLE: Final = """
CREATE TABLE IF NOT EXISTS public.soulprint_migrations (
    version text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());
ALTER TABLE public.soulprint_migrations ENABLE ROW LEVEL SECURITY;
DO $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('REVOKE ALL ON public.soulprint_migrations FROM %I', rolname)
        FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'service_role') ORDER BY rolname
    LOOP
        EXECUTE statement;
        RAISE NOTICE USING ERRCODE = 'SP010', MESSAGE = statement;
    END LOOP;
END
$$;
"""
"""Where it is kept which migrations are applied; for nobody but who migrates."""
_IS_MIGRATED: Final = f"""
SELECT EXISTS (SELECT FROM pg_catalog.pg_class
               WHERE relname = '{OWN}' AND relnamespace = to_regnamespace('public'))
"""  # noqa: S608 - of a constant
"""Reads the catalogue: to_regclass answers from what the session knew before it waited for its turn."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `version` is its name without the suffix, `checksum` the SHA-256 of its text."""

    version: str
    checksum: str
    sql: str


def migrations_folder() -> Path:
    """Where the files are: beside this module in an installed package, in supabase/ in a checkout."""
    packaged = Path(__file__).with_name("migrations")
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "supabase" / "migrations"


def load_migrations(folder: Path) -> list[Migration]:
    """The migrations of a folder, in order. Raises MigrationError if there is none or one is unreadable."""
    migrations = []
    try:
        for path in sorted(folder.glob("*.sql")):
            sql = path.read_text(encoding="utf-8")
            migrations.append(Migration(path.stem, hashlib.sha256(sql.encode()).hexdigest(), sql))
    except (OSError, UnicodeDecodeError) as error:
        raise MigrationError(f"{folder}: a migration cannot be read ({type(error).__name__})") from None
    if not migrations:
        raise MigrationError(f"{folder}: no migrations here; install SoulPrint again")
    return migrations


async def applied(connection: asyncpg.Connection) -> dict[str, str]:
    """The checksums of the versions applied; nothing in a database that was never migrated. Raises
    MigrationError for a login that may not know."""
    if not await connection.fetchval(_IS_MIGRATED):
        return {}
    if not await connection.fetchval("SELECT has_table_privilege('public.soulprint_migrations', 'SELECT')"):
        return await _asked(connection)
    rows = await connection.fetch("SELECT version, checksum FROM public.soulprint_migrations")
    return {row["version"]: row["checksum"] for row in rows}


async def _asked(connection: asyncpg.Connection) -> dict[str, str]:
    """The same for the login of services, which may call a function and look at no table."""
    try:
        await connection.execute(await acting(connection))
        return dict(orjson.loads(await connection.fetchval("SELECT public.schema_version('{}')")))
    except (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedFunctionError) as error:
        raise MigrationError(
            "migrate: this login may neither change the schema nor ask how it stands; migrate as who owns "
            "the schema, and make the login of services a member of soulprint_service",
            sqlstate=error.sqlstate,
        ) from None


def require_current(done: Mapping[str, str]) -> None:
    """Raises MigrationError where a database to which these are applied (version: checksum) lacks some, or
    has others than ours: for who may not migrate it."""
    known = load_migrations(migrations_folder())
    if late := missing(done, known):
        raise MigrationError(
            f"the schema is behind: {len(late)} of {len(known)} migrations are not applied, from "
            f"{late[0].version} on; run `soulprint migrate` with DATABASE_URL set to the database's own "
            "address (port 5432) and the login that owns the schema"
        )


def missing(done: Mapping[str, str], known: Sequence[Migration]) -> list[Migration]:
    """What is to be applied. Raises MigrationError if an applied one was changed or is not known here, or a
    missing one is numbered before an applied one."""
    checksums = {migration.version: migration.checksum for migration in known}
    for version, checksum in done.items():
        if version not in checksums:
            raise MigrationError(
                f"{version}: applied to this database, but its file is missing; the database may be newer "
                "than this SoulPrint: update it"
            )
        if checksum != checksums[version]:
            raise MigrationError(
                f"{version}: changed after it was applied; restore the file and put the change in a new one"
            )
    late = [migration for migration in known if migration.version not in done]
    if late and done and late[0].version < max(done):
        raise MigrationError(f"{late[0].version}: numbered before {max(done)}, which is applied already")
    return late
