"""Brings a database's schema up to date: numbered SQL files, each applied once, in order, never changed."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import orjson

from shared.domain.errors import MigrationError
from shared.postgres.connection import CONNECT_SECONDS, UNREACHABLE, acting, connect, leave, transaction
from shared.postgres.pooler import direct_only, recognised

LOCKED = "55P03"
_KEY = "hashtextextended('soulprint migrations', 3)"
LOCK = f"SELECT pg_advisory_xact_lock({_KEY})"
"""Taken by whoever migrates, for its transaction."""
_MIGRATING = f"""
SELECT l.pid, extract(epoch FROM now() - a.xact_start)
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (l.classid::bigint << 32) | l.objid::bigint = {_KEY}
"""  # noqa: S608 - of constants
_CHANGED = "NOTIFY pgrst, 'reload schema'"
"""Has a PostgREST before the database, if there is one, read the schema anew."""
_OLDEST = """
SELECT pid, extract(epoch FROM now() - xact_start) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < now() - interval '1 second'
ORDER BY xact_start LIMIT 5
"""
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
    IF to_regprocedure('public.schema_version(jsonb)') IS NOT NULL THEN
        GRANT SELECT (version, checksum) ON public.soulprint_migrations TO service_role;
    END IF;
END
$$;
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: `version` is its name without the suffix, `checksum` the SHA-256 of its text."""

    version: str
    checksum: str
    sql: str


_OWN = Migration("soulprint_migrations", "", _TABLE)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long migrating waits. Seconds."""

    turn: float = 60.0
    """For another process that migrates."""
    lock: float = 5.0
    """For what others use: whoever asks for it after us waits behind us."""
    trials: int = 6
    rest: float = 2.0
    """Between two trials, in which those who waited get through."""
    work: float = 3600.0
    """For one file."""


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


async def migrate(dsn: str, folder: Path | None = None, patience: Patience | None = None) -> list[str]:
    """Apply what is missing, each file in a transaction; answers the versions applied. Safe to run at once.

    Raises MigrationError, naming the file, where an applied one was changed or is gone, a new one is
    numbered before an applied one, or the database refuses one (its transaction is undone) or is not patient
    enough; UsageError where something is missing and the address leads to a transaction pooler.
    """
    migrations = load_migrations(folder or migrations_folder())
    try:
        address = await recognised(dsn)
        connection = await connect(address.dsn, statements=False)
    except (*UNREACHABLE, asyncpg.PostgresError, ValueError) as error:
        state = getattr(error, "sqlstate", None)
        raise MigrationError(
            "migrate: the database cannot be reached; is it running?", sqlstate=state
        ) from None
    try:
        async with asyncio.timeout(CONNECT_SECONDS), transaction(connection):
            if await _is_current(connection, migrations):
                return []
        if address.pooled:
            raise direct_only("migrate")
        turns = _Turns(connection, migrations, patience or Patience())
        applied = [m.version for m in [_OWN, *migrations] if await turns.apply(m)]
        async with asyncio.timeout(CONNECT_SECONDS), transaction(connection):
            await connection.execute(_CHANGED)
        return applied
    except UNREACHABLE:
        raise MigrationError("migrate: the database gave no answer any more; run it again") from None
    finally:
        await leave(connection)


async def _is_current(connection: asyncpg.Connection, migrations: list[Migration]) -> bool:
    """True if nothing is missing, seen without a lock: the common start of a process."""
    if await connection.fetchval("SELECT to_regclass('public.soulprint_migrations')") is None:
        return False
    if not await connection.fetchval("SELECT has_table_privilege('public.soulprint_migrations', 'INSERT')"):
        require_current(await _asked(connection))
        return True
    return len(await _checked(connection, migrations)) == len(migrations)


async def _asked(connection: asyncpg.Connection) -> dict[str, str]:
    """What is applied, for a service's login, which may call a function and look at no table."""
    try:
        await connection.execute(await acting(connection))
        return dict(orjson.loads(await connection.fetchval("SELECT public.schema_version('{}')")))
    except (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedFunctionError) as error:
        raise MigrationError(
            "migrate: this login may neither change the schema nor ask how it stands; migrate as who owns "
            "the schema, and make the login of services a member of soulprint_service",
            sqlstate=error.sqlstate,
        ) from None


class _Turns:
    """Applies migrations, one at a time among all processes, and none that waits long for a table."""

    def __init__(self, connection: asyncpg.Connection, known: list[Migration], patience: Patience) -> None:
        self._connection = connection
        self._known = known
        self._patience = patience
        self._ours = False

    async def apply(self, migration: Migration) -> bool:
        """Whether it was missing. Raises MigrationError."""
        for trial in range(self._patience.trials):
            await asyncio.sleep(self._patience.rest * (trial > 0))
            try:
                async with asyncio.timeout(self._patience.work):
                    return await self._apply(migration)
            except asyncpg.LockNotAvailableError:
                if not self._ours:
                    raise MigrationError(
                        f"migrate: another process migrates this database, for more than "
                        f"{self._patience.turn:g} s ({await self._told(_MIGRATING)}); let it end, or end it",
                        sqlstate=LOCKED,
                    ) from None
            except asyncpg.PostgresError as error:
                raise MigrationError(
                    f"{migration.version}: refused: {error.message} (SQLSTATE {error.sqlstate})",
                    sqlstate=error.sqlstate,
                ) from None
        raise MigrationError(
            f"{migration.version}: what it changes is in use: no lock within {self._patience.lock:g} s, "
            f"{self._patience.trials} times (long transactions: {await self._told(_OLDEST)}); "
            "end them, or wait, and run it again",
            sqlstate=LOCKED,
        )

    async def _apply(self, migration: Migration) -> bool:
        connection, self._ours = self._connection, False
        async with transaction(connection, f"{_patient(self._patience.turn)}; {LOCK}"):
            self._ours = True
            if migration is not _OWN:
                done = await _checked(connection, self._known)
                if migration.version in done:
                    return False
                if done and migration.version < max(done):
                    raise MigrationError(
                        f"{migration.version}: numbered before {max(done)}, which is applied already"
                    )
            await connection.execute(_patient(self._patience.lock))
            await connection.execute(migration.sql)
            if migration is not _OWN:
                await connection.execute(
                    "INSERT INTO public.soulprint_migrations (version, checksum) VALUES ($1, $2)",
                    migration.version,
                    migration.checksum,
                )
        return migration is not _OWN

    async def _told(self, query: str) -> str:
        async with asyncio.timeout(CONNECT_SECONDS), transaction(self._connection):
            rows = await self._connection.fetch(query)
        return ", ".join(f"process {pid} for {seconds:.0f} s" for pid, seconds in rows) or "none is seen"


def _patient(seconds: float) -> str:
    return f"SET LOCAL lock_timeout = {max(1, round(seconds * 1000))}"


async def _checked(connection: asyncpg.Connection, known: list[Migration]) -> set[str]:
    """The versions applied. Raises MigrationError if one of them is changed or not known here."""
    rows = await connection.fetch("SELECT version, checksum FROM public.soulprint_migrations")
    return _known_as_applied(dict(rows), known)


def _known_as_applied(applied: Mapping[str, str], known: list[Migration]) -> set[str]:
    checksums = {migration.version: migration.checksum for migration in known}
    for version, checksum in applied.items():
        if version not in checksums:
            raise MigrationError(
                f"{version}: applied to this database, but its file is missing; the database may be newer "
                "than this SoulPrint: update it"
            )
        if checksum != checksums[version]:
            raise MigrationError(
                f"{version}: changed after it was applied; restore the file and put the change in a new one"
            )
    return set(applied)


def require_current(applied: Mapping[str, str]) -> None:
    """Raises MigrationError where a database to which these are applied (version: checksum) lacks some, or
    has others than ours: for who may not migrate it."""
    known = load_migrations(migrations_folder())
    done = _known_as_applied(applied, known)
    if missing := [migration.version for migration in known if migration.version not in done]:
        raise MigrationError(
            f"the schema is behind: {len(missing)} of {len(known)} migrations are not applied, from "
            f"{missing[0]} on; run `soulprint migrate` with DATABASE_URL set to the database's own address "
            "(port 5432) and the login that owns the schema"
        )
