"""Migrations: each once, in order, never changed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest

from shared.domain.errors import MigrationError, StoreError
from shared.postgres.migrate import migrate
from shared.postgres.turn import LOCK, Patience
from shared.postgres.versions import load_migrations, migrations_folder
from shared.store.store import open_store
from tests.support.records import ANNA
from tests.support.waiting import until


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three small migrations."""
    (tmp_path / "0001_a.sql").write_text("CREATE TABLE a (n integer);")
    (tmp_path / "0002_b.sql").write_text("CREATE TABLE b (n integer); INSERT INTO b VALUES (1);")
    (tmp_path / "0003_c.sql").write_text("ALTER TABLE a ADD COLUMN m integer;")
    return tmp_path


WAITING = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND NOT granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


async def tables_of(dsn: str) -> set[str]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    finally:
        await connection.close()
    return {row["tablename"] for row in rows}


async def test_a_plain_database_gets_the_whole_schema_once(empty_database: str) -> None:
    expected = [migration.version for migration in load_migrations(migrations_folder())]
    assert await migrate(empty_database) == expected
    assert await migrate(empty_database) == []
    async with open_store(empty_database) as store:
        assert await store.read_profile(ANNA) is None


async def test_migrating_at_once_applies_each_once(empty_database: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_database) for _ in range(4)))
    versions = [version for each in applied for version in each]
    assert sorted(versions) == [migration.version for migration in load_migrations(migrations_folder())]


async def test_who_waited_sees_what_was_applied_meanwhile(empty_database: str, folder: Path) -> None:
    """Of so few statements a session that waits is not told by itself, as it is of the whole schema."""
    other = await asyncpg.connect(empty_database)

    async def both_wait() -> bool:
        return bool(await other.fetchval(WAITING) == 2)

    try:
        async with other.transaction():
            await other.execute(LOCK)
            both = asyncio.gather(*(migrate(empty_database, folder) for _ in range(2)))
            await until(both_wait)
        assert sorted(await both) == [[], ["0001_a", "0002_b", "0003_c"]]
    finally:
        await other.close()


async def test_later_migrations_are_added(empty_database: str, folder: Path) -> None:
    last = folder / "0003_c.sql"
    text = last.read_text()
    last.unlink()
    assert await migrate(empty_database, folder) == ["0001_a", "0002_b"]
    last.write_text(text)
    assert await migrate(empty_database, folder) == ["0003_c"]


async def test_a_changed_migration_is_refused_by_name(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder)
    (folder / "0002_b.sql").write_text("CREATE TABLE b (n bigint);")
    (folder / "0004_d.sql").write_text("CREATE TABLE d ();")
    with pytest.raises(MigrationError, match=r"0002_b: changed after it was applied"):
        await migrate(empty_database, folder)
    assert "d" not in await tables_of(empty_database)


async def test_a_missing_migration_is_refused_by_name(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder)
    (folder / "0002_b.sql").unlink()
    with pytest.raises(MigrationError, match=r"0002_b: applied to this database, but its file is missing"):
        await migrate(empty_database, folder)


async def test_a_late_comer_is_refused_by_name(empty_database: str, folder: Path) -> None:
    await migrate(empty_database, folder)
    (folder / "0001_z.sql").write_text("CREATE TABLE z ();")
    with pytest.raises(MigrationError, match=r"0001_z: numbered before 0003_c"):
        await migrate(empty_database, folder)


async def test_a_failing_migration_is_undone_with_those_before_it(empty_database: str, folder: Path) -> None:
    (folder / "0002_b.sql").write_text("CREATE TABLE b (); SELECT 1 / 0;")
    with pytest.raises(MigrationError, match=r"0002_b: refused: .* \(SQLSTATE 22012\)"):
        await migrate(empty_database, folder)
    assert await tables_of(empty_database) == set()
    (folder / "0002_b.sql").write_text("CREATE TABLE b ();")
    assert await migrate(empty_database, folder) == ["0001_a", "0002_b", "0003_c"]


async def test_folders_that_hold_none(empty_database: str, tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match="no migrations here"):
        await migrate(empty_database, tmp_path)
    (tmp_path / "0001_a.sql").write_bytes(b"\xff\xfe")
    with pytest.raises(MigrationError, match="cannot be read"):
        await migrate(empty_database, tmp_path)


async def test_nobody_answers(tmp_path: Path) -> None:
    dsn = f"postgresql://postgres@/postgres?host={tmp_path}"
    with pytest.raises(MigrationError, match="cannot be reached"):
        await migrate(dsn)
    with pytest.raises(StoreError, match="connect: the database cannot be reached"):
        async with open_store(dsn):
            pytest.fail("there is no server")


async def test_a_database_without_the_schema_says_so(empty_database: str) -> None:
    async with open_store(empty_database) as store:
        with pytest.raises(StoreError, match=r"read_profile: .* apply the migrations"):
            await store.read_profile(ANNA)


async def test_roles_and_auth_that_exist_are_left(empty_database: str) -> None:
    connection = await asyncpg.connect(empty_database)
    try:
        await connection.execute(
            "CREATE SCHEMA auth; CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql"
            " AS $$ SELECT '00000000-0000-0000-0000-000000000001'::uuid $$"
        )
        await migrate(empty_database)
        assert str(await connection.fetchval("SELECT auth.uid()")).endswith("1")
    finally:
        await connection.close()


QUICK = Patience(turn=0.2, lock=0.2, trials=2, rest=0.0)


async def test_a_table_in_use_is_not_waited_for_long(empty_database: str, folder: Path) -> None:
    last = folder / "0003_c.sql"
    text = last.read_text()
    last.unlink()
    await migrate(empty_database, folder)
    last.write_text(text)
    reader = await asyncpg.connect(empty_database)
    try:
        async with reader.transaction():
            await reader.fetch("SELECT * FROM a")
            with pytest.raises(
                MigrationError, match=r"0003_c: what it changes is in use: .* 2 times"
            ) as told:
                await migrate(empty_database, folder, QUICK)
            assert told.value.sqlstate == "55P03"
            assert str(reader.get_server_pid()) in str(told.value) or "none is seen" in str(told.value)
            waiting = asyncio.create_task(migrate(empty_database, folder, replace(QUICK, trials=50)))
            await asyncio.sleep(0)
        assert await waiting == ["0003_c"]
    finally:
        await reader.close()


async def test_another_that_migrates_is_named(empty_database: str, folder: Path) -> None:
    other = await asyncpg.connect(empty_database)
    try:
        async with other.transaction():
            await other.execute(LOCK)
            pid = other.get_server_pid()
            with pytest.raises(MigrationError, match=rf"another process migrates .*\(process {pid} for"):
                await migrate(empty_database, folder, QUICK)
    finally:
        await other.close()
