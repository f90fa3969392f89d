"""Times and sums of which no reader could read the answer are not kept, nor answered."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from shared.domain import bounds
from shared.domain.events import Usage
from shared.postgres.migrate import migrate
from shared.postgres.versions import migrations_folder
from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
from tests.support.records import ANNA, BORIS, IMPORT, MODEL, PROMPTS, result_of, with_matter
from tests.support.runs import begin_run

OTHER, THIRD = UUID(int=13), UUID(int=14)


@pytest.fixture
async def both(store: Store) -> Store:
    """A store with a run of ANNA and one of BORIS."""
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    await begin_run(store, OTHER, BORIS, "/a.zip", "v2")
    return store


@EVERY_WAY
async def test_sums_of_usage_end_where_readers_end_and_break_nobodys_report(both: Store) -> None:
    most = Usage(calls=bounds.WHOLE, output_tokens=bounds.WHOLE, cost=bounds.DOLLARS)
    for key, user in ((IMPORT, ANNA), (OTHER, BORIS)):
        spent = [result_of(n, import_id=key, user_id=user, usage=most) for n in (0, 1)]
        await both.record_chunks([with_matter(each) for each in spent], model=MODEL, prompt_version=PROMPTS)
        report = await both.read_run(key, 1)
        assert report is not None
        assert report.extraction_usage == most
    await begin_run(both, THIRD, ANNA, "/b.zip", "v2")
    later = result_of(0, import_id=THIRD, usage=most)
    await both.record_chunks([with_matter(later)], model=MODEL, prompt_version=PROMPTS)
    found = {each.user_id: each for each in await both.read_usage()}
    assert {each.output_tokens for each in found.values()} == {bounds.WHOLE}
    assert found[ANNA].cost == found[BORIS].cost == bounds.DOLLARS


@pytest.mark.parametrize("time", ["-infinity", "infinity", "0044-03-15 BC", "294000-01-01", "0001-01-01"])
async def test_a_request_time_off_the_calendar_is_capped_whoever_writes_it(
    both: Store, sql: asyncpg.Connection, time: str
) -> None:
    await sql.execute(f"UPDATE imports SET requested_at = '{time}' WHERE import_id = $1", OTHER)
    stored = await sql.fetchval("SELECT requested_at FROM imports WHERE import_id = $1", OTHER)
    assert bounds.EARLIEST <= stored < bounds.LATEST
    await sql.execute("SET TIME ZONE 'Pacific/Kiritimati'")
    assert await sql.fetchval("SELECT requested_at::text FROM imports WHERE import_id = $1", OTHER)
    assert len(await both.list_runs()) == 2


async def test_a_database_of_before_is_mended(empty_database: str, tmp_path: Path) -> None:
    for file in sorted(migrations_folder().glob("*.sql")):
        if file.name < "0016":
            (tmp_path / file.name).write_text(file.read_text())
    await migrate(empty_database, tmp_path)
    connection = await asyncpg.connect(empty_database)
    try:
        await connection.execute(
            "INSERT INTO imports (import_id, run, user_id, pipeline, source, requested_at) "
            "VALUES ($1, 1, $1, 'v2', 's', '0044-03-15 BC')",
            OTHER,
        )
        await migrate(empty_database)
        assert await connection.fetchval("SELECT requested_at FROM imports") == bounds.EARLIEST
    finally:
        await connection.close()
