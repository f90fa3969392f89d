"""Replays for figures, from the sources on, as the driver drives them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg

from bench.product import RunFailedError

LOOK_SECONDS = 0.25
END_SECONDS = 600.0
_ONCE_READ = """
    INSERT INTO imports (import_id, run, user_id, pipeline, source, on_log, state)
    SELECT gen_random_uuid(), 1, gen_random_uuid(), 'v2', $1, true, 'complete' FROM generate_series(1, $2)
    RETURNING import_id, run, user_id
"""
_NEWEST = """
    SELECT DISTINCT ON (import_id) import_id, run, user_id FROM imports
    WHERE import_id = ANY ($1) AND state = 'complete' ORDER BY import_id, run DESC
"""


@dataclass
class Replay:
    """A replay that runs."""

    sql: asyncpg.Connection
    id: UUID

    @classmethod
    async def begun(cls, sql: asyncpg.Connection, export: Path, imports: int) -> Replay:
        """Of so many imports, each of a person of its own, that ended before: nothing of them is cached."""
        return await cls._of(sql, await sql.fetch(_ONCE_READ, str(export), imports))

    @classmethod
    async def again(cls, sql: asyncpg.Connection, imports: Sequence[UUID]) -> Replay:
        """Of the newest whole run of each of these imports: what it read is cached."""
        return await cls._of(sql, await sql.fetch(_NEWEST, imports))

    @classmethod
    async def _of(cls, sql: asyncpg.Connection, bases: list[asyncpg.Record]) -> Replay:
        replay = cls(sql, uuid4())
        await sql.execute(
            "INSERT INTO replays (id, stage, which, pipeline, model, prompt_version, reason) "
            "VALUES ($1, 'chunks', '{all}', 'v2', 'bench', 'bench', 'bench')",
            replay.id,
        )
        await sql.executemany(
            "INSERT INTO replay_items (replay_id, position, import_id, base_run, user_id, cost) "
            "VALUES ($1, $2, $3, $4, $5, 0)",
            [(replay.id, position, *base) for position, base in enumerate(bases)],
        )
        await sql.execute(
            "UPDATE replays SET state = 'running', started_at = now(), resumed_at = now() WHERE id = $1",
            replay.id,
        )
        return replay

    async def reached(self, chunks: int) -> None:
        """Return when so many chunks of its runs are recorded. Raises RunFailedError."""
        await self._until(
            f"SELECT sum(chunks_ok + chunks_dead) >= {chunks} FROM imports WHERE replay_id = $1"
        )

    async def _until(self, true: str) -> None:
        deadline = time.monotonic() + END_SECONDS
        while not await self.sql.fetchval(true, self.id):
            if time.monotonic() > deadline:
                raise RunFailedError(f"the replay did not get that far in {END_SECONDS:.0f} s")
            await asyncio.sleep(LOOK_SECONDS)

    async def stop(self) -> None:
        """Cancel what is under way; what lies on the log is passed over."""
        await self.sql.execute(
            "SELECT stop_replay(jsonb_build_object('replay_id', $1::uuid, 'by', 'bench'))", self.id
        )
