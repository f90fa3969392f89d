"""Beside the app: its tables are taken as they stand, and it goes on as before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from scripts.schema import schema_of
from shared.domain.runs import RunKey
from shared.postgres.adoption import ADOPTED, NEEDS
from shared.postgres.migrate import migrate, plan
from shared.store.store import open_store
from tests.support.app_schema import OTHER_TABLES, Form, app_database, fill, person
from tests.support.app_statements import ask, statements_of
from tests.support.catalogue import Catalogue, catalogue_of, columns_of, rows_of
from tests.support.databases import dsn_of, run_sql
from tests.support.records import IMPORT, PassageOf
from tests.support.runs import begin_run

PERSONS, CHUNKS = 1000, 10
NARROW = (
    "CHECK ((import_status = ANY (ARRAY['none'::text, 'quick_ready'::text, 'processing'::text,"
    " 'complete'::text, 'locked'::text])))"
)


@dataclass(frozen=True)
class Adopted:
    """A database of the app's that was adopted, and what was seen of it before."""

    dsn: str
    form: Form
    answers: dict[str, list[tuple[Any, ...]]]
    rows: dict[str, str]
    catalogue: Catalogue


async def answers_of(sql: asyncpg.Connection, form: Form) -> dict[str, list[tuple[Any, ...]]]:
    """What the app's statements answer."""
    return {
        name: await ask(sql, name, person(PERSONS + 1) if name == "sign-up" else person(2))
        for name in statements_of(form)
    }


@pytest.fixture(scope="module", params=["A", "B"])
async def adopted(postgres: str, migrated: str, request: pytest.FixtureRequest) -> AsyncIterator[Adopted]:
    """A database of the app's with rows, adopted."""
    async with app_database(postgres, request.param) as dsn:
        sql = await asyncpg.connect(dsn)
        try:
            await fill(sql, PERSONS, CHUNKS)
            columns = await columns_of(sql)
            before = Adopted(
                dsn,
                request.param,
                await answers_of(sql, request.param),
                await rows_of(sql, columns),
                await catalogue_of(sql),
            )
            await migrate(dsn)
            assert await rows_of(sql, columns) == before.rows
            yield before
        finally:
            await sql.close()


@pytest.fixture
async def sql(adopted: Adopted) -> AsyncIterator[asyncpg.Connection]:
    """A superuser's connection."""
    connection = await asyncpg.connect(adopted.dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def test_what_was_there_is_there_byte_for_byte(adopted: Adopted) -> None:
    """The fixture compares: here, that it had something to compare."""
    assert {table: told.split()[0] for table, told in adopted.rows.items()} == {
        "user_profiles": str(PERSONS),
        "conversation_chunks": str(PERSONS * CHUNKS),
    }


async def test_again_there_is_nothing_to_do(adopted: Adopted) -> None:
    before = schema_of(adopted.dsn)
    assert await migrate(adopted.dsn) == []
    again = await plan(adopted.dsn)
    assert (again.versions, again.steps, again.conflicts) == ([], [], [])
    assert schema_of(adopted.dsn) == before


async def test_the_app_is_answered_as_before(adopted: Adopted, sql: asyncpg.Connection) -> None:
    after = await answers_of(sql, adopted.form)
    assert len(after) > 40
    for name, answer in adopted.answers.items():
        assert after[name] == answer, name


async def test_nothing_of_the_apps_changes_but_the_check_that_knows_no_failure(
    adopted: Adopted, sql: asyncpg.Connection
) -> None:
    after = await catalogue_of(sql)
    changed = {of: told for of, told in adopted.catalogue.items() if after.get(of) != told}
    narrow = [("user_profiles", "user_profiles_import_status_check", NARROW)] if adopted.form == "A" else []
    assert list(changed.values()) == narrow
    assert all(part == "constraints" for part, _ in changed)
    for status in ("none", "quick_ready", "processing", "complete", "locked", "failed"):
        await sql.execute("UPDATE user_profiles SET import_status = $1 WHERE user_id = $2", status, person(9))
    with pytest.raises(asyncpg.CheckViolationError):
        await sql.execute("UPDATE user_profiles SET import_status = 'other'")


async def test_the_apps_other_tables_are_not_ours(adopted: Adopted, sql: asyncpg.Connection) -> None:
    policies = await sql.fetch("SELECT tablename FROM pg_policies WHERE policyname = 'soulprint_services'")
    assert {row["tablename"] for row in policies} == set(ADOPTED)
    assert not {row["tablename"] for row in policies} & set(OTHER_TABLES)


async def test_services_work_over_it_as_members_of_service_role(adopted: Adopted) -> None:
    """Which row level security holds for: a policy of ours lets them through."""
    user = person(5)
    async with open_store(adopted.dsn) as store:
        await begin_run(store, IMPORT, user, "/a.zip", "v2")
        saved = await store.save_chunks_batch(user, [PassageOf(created_at=None)], of_run=RunKey(IMPORT, 1))
        assert saved.written == 1
        (passage,) = await store.read_passages(user, "c1")
        assert (passage.created_at, passage.chunk_tier) == (None, "micro")
        assert await store.read_passages(user, "conversation-1") == [], "the app's are the app's"
        profile = await store.read_profile(user)
        assert profile is not None
        assert profile.memory_md == "# Memory of 5"


async def test_the_needs_are_the_columns_that_the_migrations_make(migrated: str) -> None:
    sql = await asyncpg.connect(migrated)
    try:
        rows = await sql.fetch(
            "SELECT c.relname, a.attname, format_type(a.atttypid, NULL) AS type FROM pg_attribute a"
            " JOIN pg_class c ON c.oid = a.attrelid WHERE c.relname = ANY ($1) AND a.attnum > 0"
            " AND c.relnamespace = 'public'::regnamespace AND NOT a.attisdropped",
            list(ADOPTED),
        )
    finally:
        await sql.close()
    made = {(row["relname"], row["attname"]): row["type"] for row in rows}
    needed = {(table, name): need for table, needs in NEEDS.items() for name, need in needs.items()}
    assert set(made) == set(needed)
    for column, kind in made.items():
        assert kind in needed[column].kind.types, column


async def test_who_migrates_need_not_be_superuser(postgres: str, migrated: str) -> None:
    """On Supabase it is the owner of the app's tables, who does not own auth."""
    async with app_database(postgres, "A") as dsn:
        name = dsn.split("@/")[1].split("?")[0]
        await run_sql(
            dsn,
            "DROP ROLE IF EXISTS app_owner; CREATE ROLE app_owner LOGIN CREATEROLE;"
            " GRANT service_role TO app_owner WITH ADMIN OPTION;"
            f" ALTER DATABASE {name} OWNER TO app_owner; GRANT USAGE ON SCHEMA auth TO app_owner;"
            " GRANT ALL ON SCHEMA public TO app_owner WITH GRANT OPTION",
        )
        for table in (*ADOPTED, *OTHER_TABLES):
            await run_sql(dsn, f"ALTER TABLE public.{table} OWNER TO app_owner")
        try:
            owner = dsn_of(dsn, name).replace("postgres@/", "app_owner@/")
            assert (await plan(owner)).conflicts == []
            await migrate(owner)
            async with open_store(owner) as store:
                await store.require_writable()
        finally:
            await run_sql(
                dsn,
                f"ALTER DATABASE {name} OWNER TO postgres; REASSIGN OWNED BY app_owner TO postgres;"
                " DROP OWNED BY app_owner; DROP ROLE app_owner",
            )
