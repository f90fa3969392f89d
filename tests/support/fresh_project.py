"""A Supabase project as it is handed over: who owns the database is no superuser, and whatever is made in
public is open to all roles until it is closed.

The roles of a server are few and shared by its databases, so whoever makes and drops roles has a server of
their own.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.app_schema import make_app
from tests.support.databases import dsn_of, run_sql

_BROUGHT = Path(__file__).parents[1] / "data" / "app" / "supabase.sql"
OWNER = "project_owner"
_numbers = itertools.count(1)

_OWNER_ROLE = f"""
DO $$
BEGIN
    IF to_regrole('{OWNER}') IS NULL THEN
        CREATE ROLE {OWNER} LOGIN NOSUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS;
    END IF;
END
$$;
GRANT anon, authenticated, service_role TO {OWNER} WITH ADMIN OPTION;
GRANT ALL ON SCHEMA auth, storage, extensions TO {OWNER};
GRANT ALL ON ALL TABLES IN SCHEMA auth, storage TO {OWNER};
"""
_HANDED_OVER = f"""
DO $$
DECLARE
    each text;
BEGIN
    EXECUTE format('ALTER DATABASE %I OWNER TO {OWNER}', current_database());
    FOR each IN SELECT format('ALTER TABLE %s OWNER TO {OWNER}', c.oid::regclass) FROM pg_class c
            WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
            UNION ALL
            SELECT format('ALTER FUNCTION %s OWNER TO {OWNER}', p.oid::regprocedure) FROM pg_proc p
            WHERE p.pronamespace = 'public'::regnamespace LOOP
        EXECUTE each;
    END LOOP;
END
$$;
"""
_OPEN_TO_ALL = "; ".join(
    f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public"
    f" GRANT ALL ON {what} TO anon, authenticated, service_role"
    for what in ("TABLES", "FUNCTIONS", "SEQUENCES")
)


@dataclass(frozen=True, slots=True)
class FreshProject:
    """Where its database is, by who connects."""

    superuser: str
    """What no person has on Supabase."""
    owner: str

    def login(self, role: str) -> str:
        """The address for another login."""
        return self.owner.replace(f"//{OWNER}@", f"//{role}@")


@asynccontextmanager
async def fresh_project(server: str, *, with_app: bool) -> AsyncIterator[FreshProject]:
    """A project on this server, given as superuser. The app's schema stands in it, in form B, or nothing."""
    name = f"project_{next(_numbers)}"
    await run_sql(server, f"CREATE DATABASE {name}")
    dsn = dsn_of(server, name)
    try:
        if with_app:
            await make_app(dsn, "B")
        else:
            await run_sql(dsn, _BROUGHT.read_text())
        for statement in (_OWNER_ROLE, _HANDED_OVER, _OPEN_TO_ALL):
            await run_sql(dsn, statement)
        yield FreshProject(
            dsn, dsn.replace("//postgres@", f"//{OWNER}@").replace("//postgres:@", f"//{OWNER}@")
        )
    finally:
        await run_sql(server, f"DROP DATABASE {name} WITH (FORCE)")
