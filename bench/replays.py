"""A replay for figures: imports that were read once, and whoever begins their runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg

from bench.product import RunFailedError

AT_ONCE, BESIDE_LIVE = 8, 2
"""Runs under way at a time, while nobody waits and while somebody does: the driver's."""
LOOK_SECONDS = 0.25
END_SECONDS = 600.0


@dataclass
class Replay:
    """A replay from the source on."""

    sql: asyncpg.Pool
    id: UUID

    @classmethod
    async def planned(cls, sql: asyncpg.Pool, export: Path, imports: int) -> Replay:
        """Of so many imports, each of a person of its own, that ended before: nothing of them is cached."""
        replay = cls(sql, uuid4())
        await sql.execute(
            "INSERT INTO replays (id, state, stage, which, pipeline, model, prompt_version) "
            "VALUES ($1, 'running', 'chunks', '{all}', 'v2', 'bench', 'bench')",
            replay.id,
        )
        await sql.execute(
            "WITH i AS (INSERT INTO imports (import_id, run, user_id, pipeline, source, on_log, state) "
            "SELECT gen_random_uuid(), 1, gen_random_uuid(), 'v2', $2, true, 'complete' "
            "FROM generate_series(1, $3) RETURNING import_id, user_id) "
            "INSERT INTO replay_items (replay_id, position, import_id, user_id, base_run) "
            "SELECT $1, row_number() OVER (), import_id, user_id, 1 FROM i",
            replay.id, str(export), imports,
        )  # fmt: skip
        return replay

    async def drive(self) -> None:
        """Begin runs, few at a time, until cancelled."""
        while True:
            live = await self.sql.fetchval(
                "SELECT EXISTS (SELECT FROM imports WHERE priority = 'live' AND pipeline = 'v2' "
                "AND state NOT IN ('complete', 'failed', 'cancelled'))"
            )
            room = (BESIDE_LIVE if live else AT_ONCE) - await self.under_way()
            for _ in range(room):
                why = await self.sql.fetchval(
                    "SELECT begin_replay_run(r, x) FROM replays r JOIN replay_items x ON x.replay_id = r.id "
                    "WHERE r.id = $1 AND x.state = 'waiting' ORDER BY x.position LIMIT 1",
                    self.id,
                )
                if why is not None:
                    raise RunFailedError(f"a run of the replay was not begun: {why}")
            await asyncio.sleep(LOOK_SECONDS)

    async def under_way(self) -> int:
        """How many runs were begun and have not ended."""
        return int(
            await self.sql.fetchval(
                "SELECT count(*) FROM imports WHERE replay_id = $1 "
                "AND state NOT IN ('complete', 'failed', 'cancelled')",
                self.id,
            )
        )

    async def done(self) -> int:
        """How many chunks of all runs are recorded."""
        return int(
            await self.sql.fetchval(
                "SELECT coalesce(sum(chunks_ok + chunks_dead), 0) FROM imports WHERE replay_id = $1", self.id
            )
        )

    async def reached(self, chunks: int) -> None:
        """Return when so many chunks are recorded. Raises RunFailedError."""
        async with asyncio.timeout(END_SECONDS):
            while await self.done() < chunks:
                await asyncio.sleep(LOOK_SECONDS)

    async def stop(self) -> None:
        """Cancel what is under way; what lies on the log is passed over."""
        await self.sql.execute(
            "SELECT cancel_run(jsonb_build_object('import_id', import_id, 'run', run)) FROM imports "
            "WHERE replay_id = $1 AND state NOT IN ('complete', 'failed', 'cancelled')",
            self.id,
        )
