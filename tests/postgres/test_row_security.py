"""Who is signed in reads own rows, and nobody else reads a thing: tried over PostgREST with a person's own
token, on a database of ours and on the app's. Tables and functions are those of the catalogue."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx2
import pytest

from shared.postgres.migrate import migrate
from shared.settings import load_settings
from soulprint.doctor.database import check_database
from tests.support.app_schema import app_database, person, sign_up
from tests.support.gateway import Project, supabase_project
from tests.support.planted import ROWS, plant

A, B = person(1), person(2)
READERS = {
    "imports", "user_profiles", "served_memories", "profile_versions", "conversation_chunks", "chunk_results",
    "facts", "extraction_cache", "run_usage", "user_usage",
}  # fmt: skip
"""Of ours, what a person may read of their own, at the least."""
RELATIONS = """
SELECT relname FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = ANY ($1::text[]::"char"[]) ORDER BY relname
"""
FUNCTIONS = """
SELECT p.proname, (coalesce(p.proargnames, '{}'))[:pronargs] AS arguments, p.pronargs FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND p.prorettype <> 'trigger'::regtype
"""


@dataclass
class Standing:
    """A database behind PostgREST, with a row of A's and one of B's in every table."""

    dsn: str
    sql: asyncpg.Connection
    project: Project
    theirs: set[str] = field(default_factory=set)
    """Functions of the app's."""

    async def names(self, *kinds: str) -> list[str]:
        return [row["relname"] for row in await self.sql.fetch(RELATIONS, list(kinds))]


@pytest.fixture
async def alone(database: str, sql: asyncpg.Connection, project: Project) -> Standing:
    """On a database of ours."""
    standing = Standing(database, sql, project)
    await plant(sql, await standing.names("r", "p"), A, B)
    return standing


@pytest.fixture(scope="module")
async def beside(postgres: str) -> AsyncIterator[Standing]:
    """On the app's database, to which SoulPrint came: the app's grants and policies stand, and what is new
    is open to all. Made once: what changes rows comes last."""
    async with app_database(postgres) as dsn:
        sql = await asyncpg.connect(dsn)
        try:
            theirs = {row["proname"] for row in await sql.fetch(FUNCTIONS)}
            await migrate(dsn)
            await sign_up(sql, A, B)
            async with supabase_project(dsn) as project:
                standing = Standing(dsn, sql, project, theirs)
                await plant(sql, await standing.names("r", "p"), A, B)
                yield standing
        finally:
            await sql.close()


@pytest.fixture(params=["alone", "beside"])
def standing(request: pytest.FixtureRequest) -> Standing:
    found: Standing = request.getfixturevalue(request.param)
    return found


def client(standing: Standing, **how: Any) -> httpx2.AsyncClient:
    """A page of the app's in a browser."""
    return httpx2.AsyncClient(
        base_url=f"{standing.project.url}/rest/v1", headers=standing.project.headers(**how), trust_env=False
    )


async def test_who_is_signed_in_reads_own_rows_and_calls_nothing(standing: Standing) -> None:
    names = await standing.names("r", "p", "v", "m")
    read = set()
    async with client(standing, user=A) as anna, client(standing, user=A, algorithm="ES256") as newer:
        for name in names:
            answer = await anna.get(f"/{name}")
            assert str(B) not in answer.text, name
            if answer.status_code == httpx2.codes.OK:
                rows = answer.json()
                assert {row["user_id"] for row in rows} <= {str(A)}, name
                read.update([name] if rows else [])
                assert (await newer.get(f"/{name}")).json() == rows
            else:
                assert answer.json()["code"] == "42501", name
        assert read >= READERS
        await _calls_nothing(anna, standing)


async def test_nobody_reads_anything_without_a_name_and_calls_nothing(standing: Standing) -> None:
    async with client(standing) as anon:
        for name in await standing.names("r", "p", "v", "m"):
            answer = await anon.get(f"/{name}")
            assert answer.text == "[]" or answer.json()["code"] == "42501", name
        await _calls_nothing(anon, standing)


async def test_who_is_signed_in_changes_nothing_of_anothers_nor_of_what_is_kept_of_them(
    standing: Standing,
) -> None:
    tables = await standing.names("r", "p")
    kept = "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM public.{} t{}"
    of_b = " WHERE t::text LIKE '%' || $1 || '%'"
    before = {table: await standing.sql.fetchval(kept.format(table, of_b), str(B)) for table in tables}
    ours = {table: await standing.sql.fetchval(kept.format(table, "")) for table in tables}
    async with client(standing, user=A) as anna, client(standing) as anon:
        for table in tables:
            column = "user_id" if table in ROWS and "user_id" in ROWS[table] else "*"
            for page in (anna, anon):
                await page.post(f"/{table}", json={"user_id": str(B)})
                await page.patch(f"/{table}?{column}=eq.{B}", json={"user_id": str(A)})
                await page.delete(f"/{table}?{column}=eq.{B}")
    for table in tables:
        assert await standing.sql.fetchval(kept.format(table, of_b), str(B)) == before[table], table
        if table in ROWS and table not in ("user_profiles", "conversation_chunks"):
            assert await standing.sql.fetchval(kept.format(table, "")) == ours[table], table


async def test_doctor_takes_the_apps_own_grants_for_the_apps(beside: Standing) -> None:
    settings = load_settings(database_url=beside.dsn)
    checks = {check.name: check for check in await check_database(settings)}
    assert all(check.ok for check in checks.values()), checks
    await beside.sql.execute("CREATE POLICY wide ON user_profiles FOR SELECT USING (true)")
    try:
        (exposure,) = [check for check in await check_database(settings) if check.name == "exposure"]
    finally:
        await beside.sql.execute("DROP POLICY wide ON user_profiles")
    assert "anon has SELECT on user_profiles, authenticated has SELECT on user_profiles" in exposure.found


async def _calls_nothing(page: httpx2.AsyncClient, standing: Standing) -> None:
    """Each function of ours refuses: not for what it was given, but for who asks."""
    functions = [row for row in await standing.sql.fetch(FUNCTIONS) if row["proname"] not in standing.theirs]
    assert len(functions) > 40
    for name, arguments, count in functions:
        assert len(arguments) == count, f"{name} has arguments without a name: PostgREST cannot call it"
        given = {argument: {} if argument == "argument" else None for argument in arguments}
        answer = await page.post(
            f"/rpc/{name}", content=json.dumps(given), headers={"Content-Type": "application/json"}
        )
        assert answer.json()["code"] == "42501", (name, answer.text)
