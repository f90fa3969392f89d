"""Runs as they would be after a while, for those who judge them."""

from __future__ import annotations

from uuid import UUID

import asyncpg

_RUNS = """
WITH made AS (
    INSERT INTO imports (import_id, run, user_id, pipeline, source, on_log, state, begun_at, finished_at,
                         updated_at, chunks_total, chunks_ok, coverage, cost, counts, error)
    SELECT gen_random_uuid(), 1, gen_random_uuid(), $1, 'b/p', true, $3,
           clock_timestamp() - make_interval(secs => $4),
           CASE WHEN $3 IN ('complete', 'failed') THEN clock_timestamp() END,
           clock_timestamp(), 10, 10, 1, 0.01, '{"conversations": {"kept": 100}}',
           CASE WHEN $3 = 'failed' THEN '{"step": "extract", "message": "no"}'::jsonb END
    FROM generate_series(1, $2) RETURNING *
)
INSERT INTO routing_decisions (import_id, run, user_id, lane, reason, bucket, share, policy_version, shadow)
SELECT m.import_id, 1, m.user_id, $1, 'share', 0, 0, (held_policy()).version, false FROM made m
RETURNING import_id
"""


async def decided(
    sql: asyncpg.Connection, count: int, state: str = "complete", *, lane: str = "v2", seconds: float = 30.0
) -> list[UUID]:
    """So many runs that were decided on now and are in this state, begun so long ago."""
    return [row["import_id"] for row in await sql.fetch(_RUNS, lane, count, state, seconds)]
