"""The database: whether it is reached, through what, and whether its schema is ours."""

from __future__ import annotations

import asyncpg

from shared.domain.addresses import shown_address
from shared.domain.errors import MigrationError, SoulprintError, StoreError
from shared.domain.plurals import counted
from shared.postgres.connection import UNREACHABLE, connect, leave
from shared.postgres.inspection import SchemaState, schema_state
from shared.postgres.pooler import PORT, Address, recognised, shares_servers
from shared.postgres.sqlstates import refusal
from shared.postgres.versions import require_current
from shared.settings import Settings
from shared.store.open import opened_store
from shared.store.store import open_rest_store, open_store
from soulprint.doctor.access import check_access
from soulprint.doctor.check import Check, named
from soulprint.doctor.embeddings import check_embeddings

_MIGRATE = "run `soulprint migrate` (`--plan` says first what it would do)"


async def check_database(settings: Settings) -> list[Check]:
    """Whatever the settings make the database. The embedded one is started, and brought up to date."""
    if settings.store_kind == "direct" and settings.database_url:
        return await _check_direct(settings.database_url.get_secret_value(), settings)
    if settings.store_kind == "rest":
        return await _check_rest(settings)
    try:
        async with opened_store(settings) as store:
            checks = [Check("database", True, "Postgres, embedded, schema up to date")]
            return [*checks, await check_embeddings(store, settings)]
    except SoulprintError as error:
        return [Check("database", False, "Postgres, embedded", str(error))]


async def _check_direct(dsn: str, settings: Settings) -> list[Check]:
    try:
        address = await recognised(dsn)
        shared = await shares_servers(address.dsn)
        connection = await connect(address.dsn, statements=False)
    except (*UNREACHABLE, asyncpg.PostgresError, ValueError) as error:
        why = refusal("connect", getattr(error, "sqlstate", None))
        return [Check("database", False, "Postgres, given by DATABASE_URL", str(why))]
    try:
        version = connection.get_server_version()
        found = f"Postgres {version.major}.{version.minor}, given by DATABASE_URL"
        checks = [Check("database", True, found), _pooler(address, shared=shared)]
        state = await schema_state(connection)
    except MigrationError as error:
        return [*checks, Check("schema", False, "not to be used as it is", str(error))]
    except (*UNREACHABLE, asyncpg.PostgresError) as error:
        why = refusal("schema", getattr(error, "sqlstate", None))
        return [*checks, Check("schema", False, "not to be seen", str(why))]
    finally:
        await leave(connection)
    checks.append(_schema(state, pooled=address.pooled))
    if all(check.ok for check in checks):
        async with open_store(dsn, connections=1) as store:
            checks += await check_access(store, login=True)
            checks.append(await check_embeddings(store, settings))
    return checks


def _pooler(address: Address, *, shared: bool) -> Check:
    if shared and not address.pooled:
        return Check(
            "pooler",
            False,
            "connections are shared with strangers, and the address says they are not: calls will fail",
            "leave ?pgbouncer=false out of DATABASE_URL",
        )
    if shared:
        return Check(
            "pooler",
            True,
            "a transaction pooler, used without anything of a session",
            f"what needs a session (`soulprint run`, `soulprint migrate`) needs the database's own address: "
            f"port 5432, not {PORT}",
        )
    if address.pooled:
        return Check(
            "pooler",
            True,
            "none, or one in session mode, though the address says that it is one in transaction mode",
            "give DATABASE_URL without ?pgbouncer=true, or with ?pgbouncer=false: that spares three round "
            "trips a call",
        )
    return Check("pooler", True, "none, or one in session mode")


def _schema(state: SchemaState, *, pooled: bool) -> Check:
    how = _MIGRATE
    if pooled:
        how += " with the database's own address (port 5432)"
    if not state.may_change:
        how += " as who owns the schema: this login may not change it"
    if state.conflicts and state.missing:
        count = len(state.conflicts)
        return Check(
            "schema",
            False,
            f"not there, and cannot be made: {counted(count, 'conflict')}: {named(state.conflicts, '; ')}",
            "settle what is in conflict; `soulprint migrate --plan` lists all of it",
        )
    if state.conflicts:
        return Check(
            "schema",
            False,
            f"changed under SoulPrint: {named(state.conflicts, '; ')}",
            "change it back; `soulprint migrate --plan` lists all of it",
        )
    if state.former:
        return Check("schema", False, "of a SoulPrint from before the first release", f"{how}; rows are kept")
    if state.never:
        return Check("schema", False, "not there", how)
    if state.missing:
        count, first = len(state.missing), state.missing[0]
        return Check("schema", False, f"behind: {count} of {state.known} migrations from {first} on", how)
    return Check("schema", True, f"up to date: {state.known} migrations")


async def _check_rest(settings: Settings) -> list[Check]:
    url, key = settings.supabase_url or "", settings.supabase_service_role_key
    found = f"Postgres, over REST at {shown_address(url)}"
    async with open_rest_store(url, key.get_secret_value() if key else "", connections=1) as store:
        try:
            applied = await store.schema_version()
            require_current(applied)
        except MigrationError as error:
            return [Check("database", True, found), Check("schema", False, "behind, or another", str(error))]
        except StoreError as error:
            return [Check("database", False, found, str(error))]
        return [
            Check("database", True, found),
            Check("schema", True, f"up to date: {len(applied)} migrations"),
            *await check_access(store, login=False),
            await check_embeddings(store, settings),
        ]
