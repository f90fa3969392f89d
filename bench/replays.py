"""A replay for figures: of imports that were read once, from their sources on, as the driver drives it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg

from bench.product import RunFailedError

LOOK_SECONDS = 0.25
END_SECONDS = 600.0


@dataclass
class Replay:
    """A replay that runs."""

    sql: asyncpg.Connection
    id: UUID

    @classmethod
    async def begun(cls, sql: asyncpg.Connection, export: Path, imports: int) -> Replay:
        """Of so many imports, each of a person of its own, that ended before: nothing of them is cached."""
        replay = cls(sql, uuid4())
        await sql.execute(
            "INSERT INTO replays (id, stage, which, pipeline, model, prompt_version, reason) "
            "VALUES ($1, 'chunks', '{all}', 'v2', 'bench', 'bench', 'bench')",
            replay.id,
        )
        await sql.execute(
            "WITH i AS (INSERT INTO imports (import_id, run, user_id, pipeline, source, on_log, state) "
            "SELECT gen_random_uuid(), 1, gen_random_uuid(), 'v2', $2, true, 'complete' "
            "FROM generate_series(1, $3) RETURNING import_id, user_id) "
            "INSERT INTO replay_items (replay_id, position, import_id, user_id, base_run, cost) "
            "SELECT $1, row_number() OVER (), import_id, user_id, 1, 0 FROM i",
            replay.id, str(export), imports,
        )  # fmt: skip
        await sql.execute(
            "UPDATE replays SET state = 'running', started_at = now(), resumed_at = now() WHERE id = $1",
            replay.id,
        )
        return replay

    async def done(self) -> int:
        """How many chunks of all runs are recorded."""
        return int(
            await self.sql.fetchval(
                "SELECT coalesce(sum(chunks_ok + chunks_dead), 0) FROM imports WHERE replay_id = $1", self.id
            )
        )

    async def reached(self, chunks: int) -> float:
        """When so many chunks were first seen recorded. Raises RunFailedError."""
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            if await self.done() >= chunks:
                return time.monotonic()
            await asyncio.sleep(LOOK_SECONDS)
        raise RunFailedError(f"the replay did not get to {chunks} chunks in {END_SECONDS:.0f} s")

    async def stop(self) -> None:
        """Cancel what is under way; what lies on the log is passed over."""
        await self.sql.execute(
            "SELECT stop_replay(jsonb_build_object('replay_id', $1::uuid, 'by', 'bench'))",
            self.id,
        )
