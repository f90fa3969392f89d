"""What a plan reckons: what the caches answer, what chunks took before, and the forecast of the rest."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared.store.replays import Figures
from shared.store.store import Store
from tests.postgres.conftest import DIRECT
from tests.support.planning import (
    ABSENT,
    BEFORE,
    MODEL,
    PROMPTS,
    RATES,
    WRITING,
    Chunk,
    imported,
    plan,
    usage,
)

pytestmark = DIRECT
NOW = ((MODEL, PROMPTS),)
SILENT = Chunk(tokens=0)


async def reckoned(store: Store, *which: str, **asked: Any) -> Figures:
    return (await plan(store, *which, **asked)).figures


def counts(figures: Figures) -> tuple[int, int, int, int, int]:
    return figures.chunks, figures.cached, figures.calls, figures.input_tokens, figures.output_tokens


async def wrote(
    store: Store, sql: asyncpg.Connection, import_id: UUID, *parts: str, run: int = 1, model: str = MODEL
) -> None:
    user_id = UUID(str(await sql.fetchval("SELECT user_id FROM imports WHERE import_id = $1", import_id)))
    for part in parts:
        await store.keep_writing(
            user_id,
            model,
            WRITING,
            part,
            part=part,
            answer={},
            import_id=import_id,
            run=run,
            most=9,  # type: ignore[arg-type]
        )


async def test_chunks_are_what_they_took_before_at_the_same_model_wherever_that_is_known(
    store: Store, sql: asyncpg.Connection
) -> None:
    await imported(
        sql,
        Chunk(took=usage(1, 3000, 100, cache_read_tokens=500)),
        Chunk(took=usage(3, 9000, 900, cache_write_tokens=500)),
        Chunk(in_cache=[BEFORE], cached_took=usage(2, 5000, 50)),  # a run that had it from the cache
        SILENT,
        Chunk(in_cache=[PROMPTS, BEFORE], cached_took=usage(1, 7777, 777)),
        wrote=usage(4 + 2, 12_000 + 2_600, 1000 + 340, cache_read_tokens=500 + 60, cache_write_tokens=500),
    )
    figures = await reckoned(store, "stale")
    assert counts(figures) == (5, 1, 6 + 2, 18_000 + 2_660, 1050 + 340)
    dollars = 1e-6 * (17_000 + 2_600) + 1e-7 * (500 + 60) + 1.25e-6 * 500 + 5e-6 * (1050 + 340)
    assert figures.dollars == pytest.approx(dollars)


async def test_others_are_as_the_model_forecasts_and_the_memory_as_its_facts_tell(
    store: Store, sql: asyncpg.Connection
) -> None:
    await imported(sql, Chunk(tokens=1000), SILENT, Chunk(tokens=2000), readers=(("offline", "o"),), facts=50)
    assert counts(await reckoned(store)) == (
        3, 0, 2 + 2, 2 * 600 + 1.5 * 3000 + 2000, 2 * 10 + 0.1 * 3000 + 600,
    )  # fmt: skip
    assert counts(await reckoned(store, stage="memory")) == (0, 0, 2, 2000, 600)
    assert counts(await reckoned(store, rates=None)) == (3, 0, 0, 0, 0)
    unpriced = await reckoned(store, rates=RATES | {"price": None})
    assert (unpriced.calls, unpriced.dollars) == (4, None)


async def test_another_model_tells_how_long_prompts_and_replies_will_be(
    store: Store, sql: asyncpg.Connection
) -> None:
    took = usage(1, 9000, 321, cache_read_tokens=900, cache_write_tokens=99)
    await imported(sql, Chunk(tokens=1000, took=took), readers=(("claude-other", "o"),), facts=0)
    assert counts(await reckoned(store)) == (1, 0, 1 + 1, 9999 + 1000, 321 + 100)


async def test_what_has_no_result_is_as_the_others_of_its_run(store: Store, sql: asyncpg.Connection) -> None:
    await imported(
        sql, Chunk(took=usage(1, 3000, 100)), Chunk(took=usage(1, 5000, 300)), ABSENT, Chunk("missing", 0),
        wrote=usage(2 + 2, 8000, 400),
    )  # fmt: skip
    assert counts(await reckoned(store, "missing")) == (2, 0, 2 + 2, 8000, 400)
    assert counts(await reckoned(store, "all")) == (4, 0, 4 + 2, 16_000, 800)


async def test_dead_chunks_are_not_what_their_death_took(store: Store, sql: asyncpg.Connection) -> None:
    await imported(sql, Chunk(), Chunk("dead", 1000, usage(16, 99_000, 9)), Chunk("dead", 0), facts=0)
    figures = await reckoned(store, "dead")
    assert counts(figures) == (2, 0, 1 + 1, 2100 + 1000, 110 + 100)


async def test_of_an_import_that_was_never_cut_its_missing_chunks_are_not_known(
    store: Store, sql: asyncpg.Connection
) -> None:
    await imported(
        sql, state="failed", chunks_total=None, read=False, counts=False, facts=0, fact_counts="{}"
    )
    figures = await reckoned(store, "missing")
    assert (figures.imports, figures.chunks) == (1, 0)


async def test_an_export_that_is_cut_in_another_way_has_other_chunks(
    store: Store, sql: asyncpg.Connection
) -> None:
    half = json.dumps({"chunk_tokens": 8000, "context_chars": 600})
    cached = [Chunk(tokens=8000, in_cache=[PROMPTS], took=usage(1, 1, 1)) for _ in range(3)]
    await imported(sql, *cached, variant=half, readers=NOW, facts=0)
    assert counts(await reckoned(store, stage="facts"))[:3] == (3, 3, 1)
    assert counts(await reckoned(store, stage="chunks")) == (
        6, 0, 6 + 1, 6 * 600 + 1.5 * 24_000 + 1000, 6 * 10 + 2400 + 100,
    )  # fmt: skip


async def test_the_memory_of_unchanged_facts_costs_nothing(store: Store, sql: asyncpg.Connection) -> None:
    cached = Chunk(in_cache=[PROMPTS], took=usage())
    one = await imported(sql, cached, SILENT, readers=NOW, wrote=usage(3, 8000, 400))
    assert (await reckoned(store)).calls == 2
    await sql.execute("DELETE FROM chunk_results WHERE import_id = $1 AND chunk_index = 1", one)
    await sql.execute("UPDATE imports SET chunks_total = 1, chunks_ok = 1 WHERE import_id = $1", one)

    async def calls(stage: str = "facts") -> int:
        return (await reckoned(store, stage=stage)).calls

    assert [await calls(), await calls("chunks"), await calls("memory")] == [2, 2, 2]
    await wrote(store, sql, one, "memory", "sections", run=2)
    assert await calls() == 2
    await wrote(store, sql, one, "memory")
    assert await calls() == 2
    await wrote(store, sql, one, "sections", model="another")
    assert await calls() == 2
    await wrote(store, sql, one, "sections")
    assert [await calls(), await calls("chunks"), await calls("memory")] == [0, 0, 0]
    assert (await reckoned(store)).dollars == 0
    await sql.execute(
        'UPDATE imports SET readers = readers || \'[{"model": "m"}]\' WHERE import_id = $1', one
    )
    assert [await calls(), await calls("memory")] == [2, 0]  # other facts, perhaps
    user_id = await sql.fetchval("SELECT user_id FROM imports WHERE import_id = $1", one)
    two = await imported(sql, cached, user_id=user_id, readers=NOW)
    await sql.execute(
        "UPDATE imports SET accounts = jsonb_build_array("
        "jsonb_build_object('lineage', import_id, 'vendor', 'x')) WHERE user_id = $1", user_id,
    )  # fmt: skip
    await sql.execute("UPDATE lineages SET conversations = 1")
    assert (await reckoned(store, stage="memory", imports=[one])).calls == 2  # another account joined since
    assert (await reckoned(store, stage="memory", imports=[two])).calls == 2


async def test_the_time_is_at_the_pace_of_what_ended_of_late(store: Store, sql: asyncpg.Connection) -> None:
    await imported(sql, *[Chunk()] * 10)
    assert (await reckoned(store)).seconds is None
    begun = datetime(2026, 3, 2, tzinfo=UTC)
    for at in (0, 5):  # side by side: fifteen seconds for forty chunks
        await imported(
            sql, *[Chunk()] * 20, begun_at=begun + timedelta(seconds=at),
            extracted_at=begun + timedelta(seconds=at + 10), finished_at=begun + timedelta(seconds=at + 14),
        )  # fmt: skip
    seconds = (await reckoned(store)).seconds
    assert seconds == pytest.approx(50 * 15 / 40 + 3 * 4 / 2)


MANY = """
WITH one AS (
    INSERT INTO imports (import_id, run, user_id, pipeline, source, on_log, state, variant, chunks_total,
                         chunks_ok, chunked_at, readers, fact_counts, usage, requested_at)
    SELECT gen_random_uuid(), 1, gen_random_uuid(), 'v2', 'b/p', true, 'complete', $1, $3, $3, now(),
           jsonb_build_array(jsonb_build_object('model', $4::text, 'prompt_version', $5::text)),
           '{"kept": 100}', '{"calls": 62, "input_tokens": 300000, "output_tokens": 15000}', now()
    FROM generate_series(1, $2) RETURNING *
), counted AS (
    INSERT INTO lineages (user_id, lineage, vendor, import_id, run)
    SELECT user_id, 'chatgpt-1', 'chatgpt', import_id, 1 FROM one
), kept AS (
    INSERT INTO extraction_cache (user_id, content_hash, model, prompt_version, facts, usage)
    SELECT o.user_id, 'h' || k, $4, $5, '[]', '{"calls": 1, "input_tokens": 4000, "output_tokens": 200}'
    FROM one o, generate_series(1, $3) k
)
INSERT INTO chunk_results (import_id, run, chunk_index, chunk_id, user_id, content_hash, status, tokens,
                           cached)
SELECT o.import_id, 1, k - 1, gen_random_uuid(), o.user_id, 'h' || k, 'ok', 4000, true
FROM one o, generate_series(1, $3) k
"""


OTHERS = """
INSERT INTO lineages (user_id, lineage, vendor)
SELECT gen_random_uuid(), 'chatgpt-1', 'chatgpt' FROM generate_series(1, $1)
"""
"""A table of a few pages is read whole by a planner that knows how small it is, and rightly so."""


@pytest.mark.parametrize("analysed", [False, True])
@pytest.mark.parametrize("which", ["stale", "all"])
async def test_a_plan_reads_what_it_is_of_and_each_chunk_once(
    store: Store, sql: asyncpg.Connection, which: str, analysed: bool
) -> None:
    """Also while nobody has analysed the tables, and whatever else lies there."""
    variant = '{"chunk_tokens": 4000, "context_chars": 600}'
    await sql.execute(MANY, variant, 300, 12, MODEL, PROMPTS)
    await sql.execute(MANY, variant, 30, 12, MODEL, BEFORE)
    await sql.execute(OTHERS, 5000)
    argument = {
        "replay_id": str(uuid4()), "stage": "facts", "which": [which], "selection": {}, "pipeline": "v2",
        "model": MODEL, "prompt_version": PROMPTS, "by": "me", "rates": RATES, "variant": variant,
    }  # fmt: skip
    async with sql.transaction():
        if analysed:
            await sql.execute("ANALYZE imports, lineages, chunk_results, extraction_cache")
        await sql.fetchval("SELECT plan_replay($1::jsonb)", json.dumps(argument))
        read = dict(
            await sql.fetch(
                "SELECT relname, seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables "
                "WHERE relname IN ('chunk_results', 'extraction_cache', 'lineages')"
            )
        )
    chunks = 12 * (30 if which == "stale" else 330)
    assert read["chunk_results"] <= 2 * chunks
    assert read["extraction_cache"] <= 2 * chunks
    assert read["lineages"] <= 400 * 4
