"""One process at a time applies what is missing, in one transaction, and waits long for no table."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from shared.domain.errors import MigrationError
from shared.postgres import former
from shared.postgres.adoption import find_conflicts
from shared.postgres.connection import CONNECT_SECONDS, transaction
from shared.postgres.plan import Plan, Teller
from shared.postgres.sqlstates import schema_refusal
from shared.postgres.statements import Made, made_by, split
from shared.postgres.versions import OWN, OWN_TABLE, Migration, applied, missing

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
_OLDEST = """
SELECT pid, extract(epoch FROM now() - xact_start) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < now() - interval '1 second'
ORDER BY xact_start LIMIT 5
"""


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
    """For all that is missing."""


class Turn:
    """A try, and some more while what it changes is in use."""

    def __init__(
        self, connection: asyncpg.Connection, known: Sequence[Migration], patience: Patience
    ) -> None:
        self._connection = connection
        self._known = known
        self._patience = patience
        self._ours = False
        self._at = "migrate"
        """The file at work."""

    async def take(self, *, kept: bool) -> Plan:
        """What was done; it is undone again unless `kept`. Raises MigrationError."""
        for trial in range(self._patience.trials):
            await asyncio.sleep(self._patience.rest * (trial > 0))
            try:
                async with asyncio.timeout(self._patience.work):
                    return await self._take(kept=kept)
            except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError):
                if not self._ours:
                    raise MigrationError(
                        f"migrate: another process migrates this database, for more than "
                        f"{self._patience.turn:g} s ({await self._told(_MIGRATING)}); let it end, or end it",
                        sqlstate=LOCKED,
                    ) from None
            except asyncpg.PostgresError as error:
                why = schema_refusal(error.sqlstate, error.message)
                raise MigrationError(
                    f"{self._at}: refused: {why} (SQLSTATE {error.sqlstate})",
                    sqlstate=error.sqlstate,
                ) from None
        raise MigrationError(
            f"{self._at}: what it changes is in use: no lock within {self._patience.lock:g} s, "
            f"{self._patience.trials} times (long transactions: {await self._told(_OLDEST)}); "
            "end them, or wait, and run it again",
            sqlstate=LOCKED,
        )

    async def _take(self, *, kept: bool) -> Plan:
        self._ours, self._at, plan = False, "migrate", Plan()
        first = f"SET LOCAL statement_timeout = 0; {_patient(self._patience.turn)}; {LOCK}"
        async with transaction(self._connection, first, last="COMMIT" if kept else "ROLLBACK"):
            self._ours = True
            await self._connection.execute(_patient(self._patience.lock))
            with Teller(self._connection, plan) as teller:
                await self._apply(plan, teller, told=not kept)
        return plan

    async def _apply(self, plan: Plan, teller: Teller, *, told: bool) -> None:
        done = await applied(self._connection)
        old = former.is_former(done)
        wanted = missing({} if old else done, self._known)
        if not wanted:
            return
        if not old:  # what it has is ours
            plan.conflicts += await find_conflicts(self._connection, still_to_make(self._known, wanted))
            if plan.conflicts:
                return
        plan.versions = [migration.version for migration in wanted]
        if old:
            self._at = former.FILE
            await former.set_aside(self._connection, teller)
        elif not done:
            self._at = OWN
            for statement in split(OWN_TABLE):
                await teller.run(OWN, statement)
        for migration in wanted:
            self._at = migration.version
            if told:
                for statement in split(migration.sql):
                    await teller.run(migration.version, statement)
            else:  # nobody asks which of them did something: one round trip a file
                await self._connection.execute(migration.sql)
            name = migration.version.replace("'", "''")
            await teller.run(
                migration.version,
                f"INSERT INTO public.{OWN} (version, checksum) VALUES ('{name}', '{migration.checksum}')",  # noqa: S608
            )
            if old and migration is former.last_of(wanted):
                self._at = former.FILE
                await former.bring_back(self._connection, teller)

    async def _told(self, query: str) -> str:
        async with asyncio.timeout(CONNECT_SECONDS), transaction(self._connection):
            rows = await self._connection.fetch(query)
        return ", ".join(f"process {pid} for {seconds:.0f} s" for pid, seconds in rows) or "none is seen"


def still_to_make(known: Sequence[Migration], wanted: Sequence[Migration]) -> set[Made]:
    """What the wanted ones of these migrations make first."""
    before = [migration for migration in known if migration not in wanted]
    later, earlier = (made_by(s for m in some for s in split(m.sql)) for some in (wanted, before))
    return later - earlier


def _patient(seconds: float) -> str:
    return f"SET LOCAL lock_timeout = {max(1, round(seconds * 1000))}"
