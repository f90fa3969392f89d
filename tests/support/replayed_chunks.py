"""Runs of replays without a driver, and imports with chunks that are dead or missing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg

from services.extractor.app import extractor
from shared.domain.events import ChunkReady, ImportReceived
from shared.host.service import Kit, Opener, Service
from shared.models.base import Extraction
from shared.models.rules.model import OfflineModel

KEPT = """
SELECT fact_id, account, user_id, category, matter, statement, quote, message_ids, conversation_id, stated_at,
       valid_from, valid_until, confidence, source_kind, chunk_index
FROM facts WHERE import_id = $1 AND run = $2 AND account < first_joined() ORDER BY fact_id, account
"""


class Counting(OfflineModel):
    """The offline model; it notes which chunks it was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    async def extract(self, chunk: ChunkReady) -> Extraction:
        self.asked.append(chunk.index)
        return await super().extract(chunk)


def read_by(model: OfflineModel) -> Opener:
    """An extractor with this model."""

    @asynccontextmanager
    async def app(kit: Kit) -> AsyncIterator[Service]:
        yield extractor(kit, model)

    return app


async def begin_replay(
    sql: asyncpg.Connection,
    of: ImportReceived,
    *,
    stage: str = "facts",
    which: Sequence[str] = ("all",),
    pipeline: str = "v2",
) -> ImportReceived:
    """Begin the replay of this run; the event of its own."""
    replay = uuid4()
    await sql.execute(
        """INSERT INTO replays (id, state, stage, which, pipeline, model, prompt_version)
           VALUES ($1, 'running', $2, $3, $4, '', '')""",
        *(replay, stage, list(which), pipeline),
    )
    await sql.execute(
        """INSERT INTO replay_items (replay_id, position, import_id, user_id, base_run)
           VALUES ($1, 1, $2, $3, $4)""",
        *(replay, of.import_id, of.user_id, of.run),
    )
    why = await sql.fetchval(
        """SELECT begin_replay_run(r, x) FROM replays r JOIN replay_items x ON x.replay_id = r.id
           WHERE r.id = $1""",
        replay,
    )
    assert why is None, why
    begun = await sql.fetchrow("SELECT * FROM imports WHERE replay_id = $1", replay)
    assert begun is not None
    changes = {"run": begun["run"], "requested_at": begun["requested_at"], "priority": "replay"}
    return of.model_copy(update=changes)


async def spoil(
    sql: asyncpg.Connection, of: ImportReceived, dead: Collection[int], missing: Collection[int]
) -> None:
    """Have chunks of a complete run be dead, or without a result, as if no model had ever read them."""
    named: tuple[Any, ...] = (of.import_id, of.run)
    await sql.execute(
        """DELETE FROM extraction_cache e USING chunk_results c
           WHERE c.import_id = $1 AND c.run = $2 AND c.chunk_index = ANY ($3)
             AND e.user_id = c.user_id AND e.content_hash = c.content_hash""",
        *named,
        [*dead, *missing],
    )
    await sql.execute(
        "DELETE FROM facts WHERE import_id = $1 AND run = $2 AND chunk_index = ANY ($3)",
        *named,
        [*dead, *missing],
    )
    await sql.execute(
        "DELETE FROM chunk_results WHERE import_id = $1 AND run = $2 AND chunk_index = ANY ($3)",
        *named,
        list(missing),
    )
    await sql.execute(
        """UPDATE chunk_results SET status = 'dead', error = 'the model refused it'
           WHERE import_id = $1 AND run = $2 AND chunk_index = ANY ($3)""",
        *named,
        list(dead),
    )
    await sql.execute(
        """UPDATE imports i SET chunks_dead = $3, chunks_ok = (
               SELECT count(*) FROM chunk_results c
               WHERE c.import_id = i.import_id AND c.run = i.run AND c.status = 'ok')
           WHERE i.import_id = $1 AND i.run = $2""",
        *named,
        len(dead),
    )


async def forget(sql: asyncpg.Connection, run: ImportReceived) -> None:
    """Have this run never have been."""
    for table in ("facts", "chunk_results", "imports"):
        await sql.execute(
            f"DELETE FROM {table} WHERE import_id = $1 AND run = $2",
            run.import_id,
            run.run,
        )


async def extracted(sql: asyncpg.Connection, of: ImportReceived) -> list[asyncpg.Record]:
    """The facts of a run, whole, as they were recorded."""
    found: list[asyncpg.Record] = await sql.fetch(KEPT, of.import_id, of.run)
    return found
