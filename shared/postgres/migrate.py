"""Brings a database's schema up to date: numbered SQL files, each applied once, in order, never changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from shared.domain.errors import MigrationError
from shared.postgres.connection import CONNECT_SECONDS, UNREACHABLE

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('soulprint migrations', 3))"
_TABLE = """
CREATE TABLE IF NOT EXISTS public.soulprint_migrations (
    version text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());
ALTER TABLE public.soulprint_migrations ENABLE ROW LEVEL SECURITY;
DO $$
DECLARE
    role text;
BEGIN
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated', 'service_role') LOOP
        EXECUTE format('REVOKE ALL ON public.soulprint_migrations FROM %I', role);
    END LOOP;
END
$$;
"""


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


async def migrate(dsn: str, folder: Path | None = None) -> list[str]:
    """Apply what is missing, each file in a transaction; answers the versions applied. Safe to run at once.

    Raises MigrationError, naming the file, where an applied one was changed or is gone, a new one is
    numbered before an applied one, or the database refuses one (its transaction is undone).
    """
    migrations = load_migrations(folder or migrations_folder())
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS)
    except (*UNREACHABLE, asyncpg.PostgresError, ValueError) as error:
        state = getattr(error, "sqlstate", None)
        raise MigrationError(
            "migrate: the database cannot be reached; is it running?", sqlstate=state
        ) from None
    try:
        if await _is_current(connection, migrations):
            return []
        await _in_transaction(connection, _LOCK + ";" + _TABLE, "soulprint_migrations")
        return [m.version for m in migrations if await _apply(connection, m, migrations)]
    finally:
        await connection.close(timeout=CONNECT_SECONDS)


async def _is_current(connection: asyncpg.Connection, migrations: list[Migration]) -> bool:
    """True if nothing is missing, seen without a lock: the common start of a process."""
    if await connection.fetchval("SELECT to_regclass('public.soulprint_migrations')") is None:
        return False
    return len(await _checked(connection, migrations)) == len(migrations)


async def _apply(connection: asyncpg.Connection, migration: Migration, known: list[Migration]) -> bool:
    async with connection.transaction():
        await connection.execute(_LOCK)
        done = await _checked(connection, known)
        if migration.version in done:
            return False
        if done and migration.version < max(done):
            raise MigrationError(
                f"{migration.version}: numbered before {max(done)}, which is applied already"
            )
        await _in_transaction(connection, migration.sql, migration.version)
        await connection.execute(
            "INSERT INTO public.soulprint_migrations (version, checksum) VALUES ($1, $2)",
            migration.version,
            migration.checksum,
        )
    return True


async def _checked(connection: asyncpg.Connection, known: list[Migration]) -> set[str]:
    """The versions applied. Raises MigrationError if one of them is changed or not known here."""
    checksums = {migration.version: migration.checksum for migration in known}
    rows = await connection.fetch("SELECT version, checksum FROM public.soulprint_migrations")
    for version, checksum in rows:
        if version not in checksums:
            raise MigrationError(
                f"{version}: applied to this database, but its file is missing; the database may be newer "
                "than this SoulPrint: update it"
            )
        if checksum != checksums[version]:
            raise MigrationError(
                f"{version}: changed after it was applied; restore the file and put the change in a new one"
            )
    return {version for version, _ in rows}


async def _in_transaction(connection: asyncpg.Connection, sql: str, version: str) -> None:
    try:
        async with connection.transaction():
            await connection.execute(sql)
    except asyncpg.PostgresError as error:
        raise MigrationError(
            f"{version}: refused: {error.message} (SQLSTATE {error.sqlstate})", sqlstate=error.sqlstate
        ) from None
