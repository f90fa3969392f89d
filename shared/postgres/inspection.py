"""How a database stands, looked at and left as it is: for `soulprint doctor`."""

from __future__ import annotations

import asyncio
import functools
import re
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from shared.postgres import former
from shared.postgres.adoption import find_conflicts
from shared.postgres.connection import CONNECT_SECONDS, transaction
from shared.postgres.statements import made_by, split
from shared.postgres.turn import still_to_make
from shared.postgres.versions import OWN, applied, load_migrations, migrations_folder, missing

_CALLED: Final = re.compile(r"FUNCTION public\.(\w+)\(argument jsonb\)")
_MAY_CHANGE: Final = """
SELECT has_schema_privilege('public', 'CREATE')
   AND coalesce(has_table_privilege(to_regclass('public.soulprint_migrations'), 'INSERT'), true)
"""


@dataclass(frozen=True, slots=True)
class OwnNames:
    """What our migrations make in schema public. `called`: the functions that services call."""

    tables: list[str]
    functions: list[str]
    called: list[str]


@dataclass(frozen=True, slots=True)
class SchemaState:
    """How the schema stands. Where it lacks something, `conflicts` are what stands in its way, for a login
    that may change it; else what was changed under us."""

    known: int
    missing: list[str]
    never: bool
    """Nothing was ever applied."""
    former: bool
    """It is of a SoulPrint from before the first release."""
    may_change: bool
    conflicts: list[str] = field(default_factory=list)


@functools.cache
def own_names() -> OwnNames:
    """The names of all tables, views and functions of ours."""
    migrations = load_migrations(migrations_folder())
    made = made_by(statement for migration in migrations for statement in split(migration.sql))
    return OwnNames(
        tables=sorted({each.name for each in made if each.kind in ("table", "view")} | {OWN}),
        functions=sorted({each.name for each in made if each.kind == "function"}),
        called=sorted({name for migration in migrations for name in _CALLED.findall(migration.sql)}),
    )


async def schema_state(connection: asyncpg.Connection) -> SchemaState:
    """How the schema stands, without a lock. Raises MigrationError where that cannot be told, or where it is
    another SoulPrint's."""
    known = load_migrations(migrations_folder())
    async with asyncio.timeout(CONNECT_SECONDS), transaction(connection):
        may_change = bool(await connection.fetchval(_MAY_CHANGE))
        done = await applied(connection)
        old = former.is_former(done)
        wanted = missing({} if old else done, known)
        conflicts = []
        if may_change and not old:
            conflicts = await find_conflicts(connection, still_to_make(known, wanted))
        return SchemaState(
            known=len(known),
            missing=[migration.version for migration in wanted],
            never=not done,
            former=old,
            may_change=may_change,
            conflicts=[str(each) for each in conflicts],
        )
