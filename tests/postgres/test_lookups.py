"""The look-up before a chunk is read: what nobody wants any more, what is known; nothing else is read."""

from __future__ import annotations

import asyncpg
import orjson
import pytest

from shared.domain.events import ChunkReady, ChunkStatus
from shared.store.store import Store
from tests.support import replays
from tests.support.kinds import take
from tests.support.records import ANNA, BORIS, IMPORT, MODEL, PROMPTS, result_of, with_matter
from tests.support.runs import begin_run

MANY = 2000
ASKED = 10


def chunk_of(index: int, **changes: object) -> ChunkReady:
    result = result_of(index)
    fields = {
        "import_id": result.import_id,
        "user_id": result.user_id,
        "run": result.run,
        "chunk_id": result.chunk_id,
        "index": index,
        "content_hash": result.content_hash,
        "token_count": 1,
        "conversations": (),
        "messages": (),
    }
    return ChunkReady.model_validate(fields | changes)


async def begin(store: Store, *indices: int) -> None:
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    results = [with_matter(result_of(index)) for index in indices]
    await store.record_chunks(results, model=MODEL, prompt_version=PROMPTS)


async def refusals(store: Store, *chunks: ChunkReady) -> list[str | None]:
    found = await store.look_up_chunks(chunks, MODEL, PROMPTS)
    return [found.refused.get((chunk.user_id, chunk.import_id, chunk.run, chunk.index)) for chunk in chunks]


async def test_a_chunk_that_is_recorded_is_repeated_and_a_new_one_is_wanted(store: Store) -> None:
    await begin(store, 0)
    assert await refusals(store, chunk_of(0), chunk_of(1)) == ["repeated", None]


async def test_a_dead_chunk_may_be_mended(store: Store) -> None:
    await begin(store)
    dead = with_matter(result_of(0, status=ChunkStatus.DEAD, facts=()))
    await store.record_chunks([dead], model=MODEL, prompt_version=PROMPTS)
    assert await refusals(store, chunk_of(0)) == [None]


async def test_chunks_of_other_users_and_of_unknown_runs_are_unknown(store: Store) -> None:
    await begin(store)
    assert await refusals(store, chunk_of(0, user_id=BORIS), chunk_of(0, run=2)) == ["unknown", "unknown"]


async def test_of_a_replay_what_is_asked_for_is_wanted_and_what_it_took_over_is_not(
    store: Store, sql: asyncpg.Connection
) -> None:
    await replays.base(store, chunks=[(replays.OK, ("a",)), (replays.DEAD, ()), None, (replays.DEAD, ())])
    run = await replays.begun(store, sql, stage="facts", which=["dead"])
    assert (await take(store, replays.run_event(run))).refusal is None
    asked = [chunk_of(index, run=run.run) for index in range(4)]
    # What was missing and is not asked for counts as dead, and may be mended as whatever is.
    assert await refusals(store, *asked) == ["repeated", None, None, None]
    assert await refusals(store, chunk_of(1), chunk_of(2)) == ["older", "older"], "late ones of its base"
    twice = [with_matter(result_of(1, run=run.run))] * 2
    first = await store.record_chunks(twice, model=MODEL, prompt_version=PROMPTS)
    again = await store.record_chunks(twice, model=MODEL, prompt_version=PROMPTS)
    assert (first.recorded, again.recorded, [each.reason for each in again.ignored]) == (1, 0, ["repeated"])
    late = await store.record_chunks([with_matter(result_of(1))], model=MODEL, prompt_version=PROMPTS)
    assert [each.reason for each in late.ignored] == ["older"]


async def test_what_was_read_before_is_known_by_its_content(store: Store) -> None:
    await begin(store, 0)
    again = chunk_of(7, content_hash=result_of(0).content_hash)
    other_model = await store.look_up_chunks([again], "another-model", PROMPTS)
    known = (await store.look_up_chunks([again, chunk_of(8)], MODEL, PROMPTS)).known
    assert other_model.known == {}
    assert list(known) == [(ANNA, again.content_hash)]
    assert known[ANNA, again.content_hash].facts == result_of(0).facts


@pytest.mark.parametrize("known", [True, False])
async def test_a_look_up_reads_what_it_asks_for_however_much_there_is(
    store: Store, sql: asyncpg.Connection, known: bool
) -> None:
    await begin(store, *range(MANY))
    chunks = [
        chunk_of(MANY + n, content_hash=result_of(n).content_hash if known else f"new-{n}")
        for n in range(ASKED)
    ]
    asked = [
        {key: str(value) if key.endswith("_id") else value for key, value in chunk.model_dump().items()}
        for chunk in chunks
    ]
    argument = orjson.dumps({"model": MODEL, "prompt_version": PROMPTS, "chunks": asked}).decode()
    async with sql.transaction():
        await sql.fetchval("SELECT look_up_chunks($1::jsonb)", argument)
        read = await sql.fetchval(
            "SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables "
            "WHERE relname IN ('chunk_results', 'extraction_cache')"
        )
    assert read == (ASKED if known else 0)
