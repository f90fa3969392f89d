"""What is stored already when a migration changes what its columns mean."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import asyncpg

from shared.domain.runs import RunKey
from shared.postgres.migrate import migrate, migrations_folder
from shared.store.profiles import Commit
from shared.store.store import open_store
from tests.support.records import ANNA, IMPORT, PassageOf, memory_of

STORED = f"""
INSERT INTO imports (import_id, run, user_id, pipeline, source, state, requested_at) VALUES
    ('{IMPORT}', 1, '{ANNA}', 'v2', '/a.zip', 'complete', now() + interval '2 hours'),
    ('{IMPORT}', 2, '{ANNA}', 'v2', '/a.zip', 'complete', now() - interval '1 hour'),
    ('{IMPORT}', 3, '{ANNA}', 'v2', '/a.zip', 'chunking', now() - interval '2 hours');
INSERT INTO user_profiles (user_id, memory_md, import_id, run) VALUES ('{ANNA}', 'served', '{IMPORT}', 1);
INSERT INTO conversation_chunks (user_id, conversation_id, passage_index, content, token_count)
    VALUES ('{ANNA}', 'c1', 0, 'served', 1);
"""


async def test_the_order_of_what_is_stored_is_the_databases_from_then_on(
    empty_database: str, tmp_path: Path
) -> None:
    """A clock ahead had one run served and all later ones refused."""
    for file in sorted(migrations_folder().glob("*.sql")):
        if file.name < "0017":
            shutil.copy(file, tmp_path)
    await migrate(empty_database, tmp_path)
    connection = await asyncpg.connect(empty_database)
    await connection.execute(STORED)
    await migrate(empty_database)
    async with open_store(empty_database) as store:
        runs = {run.run: run for run in await store.list_runs(IMPORT)}
        assert {run: (told.state, told.unserved) for run, told in runs.items()} == {
            1: ("complete", None),
            2: ("unserved", "older"),
            3: ("chunking", None),
        }
        assert runs[1].requested_at == runs[1].begun_at
        assert runs[1].requested_at - runs[2].requested_at == timedelta(hours=1), "others are as they were"
        profile = await store.read_profile(ANNA)
        assert profile is not None
        assert (profile.memory_import_id, profile.memory_run) == (IMPORT, 1)
        await store.save_chunks_batch(ANNA, [PassageOf(content="older")], of_run=RunKey(IMPORT, 3))
        assert [each.content for each in await store.read_passages(ANNA, "c1")] == ["served"]
        asked = await store.request_run(IMPORT, ANNA, "/a.zip", "v3")
        assert asked.run == 4
        assert await store.commit_memory(memory_of(4, memory_md="now")) == Commit(True, None)
    await connection.close()
