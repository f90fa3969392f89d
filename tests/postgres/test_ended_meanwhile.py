"""A run whose end is under way: whoever was stopped asks how it stands, and is told of that end."""

from __future__ import annotations

import asyncio

import asyncpg

from shared.domain.runs import RunKey
from shared.store.store import Store
from tests.support.records import ANNA, IMPORT
from tests.support.runs import begin_run
from tests.support.waiting import until

WAITING = """
SELECT count(*) FROM pg_locks
WHERE NOT granted AND locktype = 'transactionid'
  AND pid IN (SELECT pid FROM pg_stat_activity WHERE datname = current_database())
"""


async def test_to_note_how_far_a_run_is_waits_for_its_end(store: Store, sql: asyncpg.Connection) -> None:
    """What a commit does goes on without whoever began it: `soulprint run` waits for it here."""
    run = await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    key = RunKey(IMPORT, run.run)

    async def waits() -> bool:
        return bool(await sql.fetchval(WAITING))

    async with sql.transaction():
        await sql.execute("UPDATE imports SET state = 'complete' WHERE import_id = $1", IMPORT)
        noting = asyncio.create_task(store.note_progress([key]))
        await until(waits)
        seen = await store.watch_run(*key)
        assert seen is not None
        assert not seen.ended
    await noting
    seen = await store.watch_run(*key)
    assert seen is not None
    assert seen.ended
