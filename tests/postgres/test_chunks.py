"""Passages, results of chunks and facts: written once, whole, in order."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid5

import asyncpg
import pytest

from shared.domain.errors import StoreError
from shared.domain.events import ChunkStatus, FactsExtracted
from shared.domain.facts import FactStatus, SourceKind
from shared.store.chunks import Chunking, Recorded, Saved
from shared.store.facts import FactUpdate
from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
from tests.support.chunks import chunk_of, said
from tests.support.records import (
    ANNA,
    BORIS,
    IMPORT,
    MODEL,
    PROMPTS,
    SEED,
    PassageOf,
    fact_of,
    result_of,
    with_matter,
)
from tests.support.runs import begin_run

NASTY = "'; DROP TABLE facts; -- \" \\ $1 %s {} \u2028 \U0001f600 \x7f ]]> %_"


async def record(store: Store, *results: FactsExtracted) -> Recorded:
    return await store.record_chunks(
        [with_matter(result) for result in results], model=MODEL, prompt_version=PROMPTS
    )


async def ids_of(store: Store, run: int = 1) -> set[UUID]:
    return {fact.id for fact in await store.read_facts(IMPORT, run)}


async def begin(store: Store) -> None:
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")


async def test_what_some_chunks_of_a_run_held_is_told_by_their_hashes(store: Store) -> None:
    await begin(store)
    await record(store, *(result_of(index) for index in (0, 2, 5)))
    assert await store.chunk_hashes(IMPORT, 1, [5, 0, 1, 99]) == {0: "hash-0", 5: "hash-5"}
    assert await store.chunk_hashes(IMPORT, 2, [0]) == {}
    assert await store.chunk_hashes(IMPORT, 1, []) == {}


async def test_passages_are_stored_as_they_are(store: Store) -> None:
    passages = [
        PassageOf(content=NASTY, title=NASTY, token_count=499, last=False),
        PassageOf(passage_index=1, token_count=500, created_at=None, last=False),
        PassageOf(passage_index=2, token_count=1499, last=False),
        PassageOf(passage_index=3, token_count=1500),
    ]
    assert await store.save_chunks_batch(ANNA, passages) == Saved(4, 0)
    stored = await store.read_passages(ANNA, "c1")
    assert [p.content for p in stored] == [p.content for p in passages]
    assert [p.chunk_tier for p in stored] == ["micro", "medium", "medium", "macro"]
    assert stored[0].title == NASTY
    assert stored[0].created_at == datetime.fromtimestamp(1_700_000_000, UTC)
    assert stored[1].created_at is None
    assert await store.read_passages(BORIS, "c1") == []
    assert await store.save_chunks_batch(ANNA, []) == Saved(0, 0)


async def test_recent_means_180_days_before_now(store: Store) -> None:
    now = datetime(2024, 12, 1, tzinfo=UTC)
    ages = [0, 180, 180.001, 400, -1]
    passages = [
        PassageOf(
            passage_index=n, created_at=(now - timedelta(days=age)).timestamp(), last=n == len(ages) - 1
        )
        for n, age in enumerate(ages)
    ]
    await store.save_chunks_batch(ANNA, passages, now=now)
    stored = await store.read_passages(ANNA, "c1")
    assert [p.is_recent for p in stored] == [True, True, False, False, True]
    await store.save_chunks_batch(ANNA, [PassageOf("c2", created_at=None)])
    assert not (await store.read_passages(ANNA, "c2"))[0].is_recent


async def test_unchanged_passages_are_not_rewritten(store: Store, sql: asyncpg.Connection) -> None:
    passages = [PassageOf(passage_index=n, content=f"text {n}", last=n == 2) for n in range(3)]
    await store.save_chunks_batch(ANNA, passages)
    before = await sql.fetch("SELECT ctid FROM conversation_chunks ORDER BY passage_index")
    assert await store.save_chunks_batch(ANNA, passages) == Saved(0, 0)
    assert await sql.fetch("SELECT ctid FROM conversation_chunks ORDER BY passage_index") == before
    passages[1] = passages[1]._replace(content="changed")
    assert await store.save_chunks_batch(ANNA, passages) == Saved(1, 0)
    assert [p.content for p in await store.read_passages(ANNA, "c1")] == ["text 0", "changed", "text 2"]


async def test_passages_beyond_the_last_go(store: Store) -> None:
    await store.save_chunks_batch(ANNA, [PassageOf(passage_index=n, last=n == 4) for n in range(5)])
    await store.save_chunks_batch(ANNA, [PassageOf("c2", n, last=n == 2) for n in range(3)])
    await store.save_chunks_batch(BORIS, [PassageOf(passage_index=n, last=n == 4) for n in range(5)])
    assert await store.save_chunks_batch(ANNA, [PassageOf(passage_index=1, last=False)]) == Saved(0, 0)
    assert await store.save_chunks_batch(ANNA, [PassageOf(passage_index=1)]) == Saved(0, 3)
    assert len(await store.read_passages(ANNA, "c1")) == 2
    assert len(await store.read_passages(ANNA, "c2")) == 3
    assert len(await store.read_passages(BORIS, "c1")) == 5


@pytest.mark.parametrize(("older", "newer"), [(4, 2), (2, 4)])
async def test_two_versions_in_one_batch_the_last_counts(store: Store, older: int, newer: int) -> None:
    batch = [PassageOf(passage_index=n, content=f"older {n}", last=n == older - 1) for n in range(older)]
    batch += [PassageOf(passage_index=n, content=f"newer {n}", last=n == newer - 1) for n in range(newer)]
    await store.save_chunks_batch(ANNA, batch)
    stored = await store.read_passages(ANNA, "c1")
    assert [p.content for p in stored] == [f"newer {n}" for n in range(newer)]


@EVERY_WAY
async def test_nul_is_refused_clearly_and_nothing_is_stored(store: Store) -> None:
    with pytest.raises(StoreError, match="save_chunks_batch: a text holds a NUL") as caught:
        await store.save_chunks_batch(ANNA, [PassageOf("c0"), PassageOf(content="secret\x00")])
    assert "secret" not in str(caught.value)
    assert await store.read_passages(ANNA, "c0") == []


async def test_a_chunk_recorded_twice_changes_nothing(store: Store, sql: asyncpg.Connection) -> None:
    await begin(store)
    results = [result_of(n, [fact_of(f"{n}")]) for n in range(3)]
    assert (await record(store, *results)).recorded == 3
    before = await sql.fetch("SELECT ctid, * FROM facts ORDER BY fact_id")
    again = await record(store, *results, *results)
    assert again.recorded == 0
    assert [refused.reason for refused in again.ignored] == ["repeated"] * 3
    assert await sql.fetch("SELECT ctid, * FROM facts ORDER BY fact_id") == before
    assert await record(store) == Recorded(0, (), ())
    report = await store.read_run(IMPORT, 1)
    assert report is not None
    assert report.chunks_ok == 3


@EVERY_WAY
async def test_the_same_chunks_recorded_at_once(store: Store) -> None:
    await begin(store)
    await store.finish_chunking(IMPORT, 1, Chunking(total=40))
    results = [result_of(n, [fact_of(f"{n}")]) for n in range(40)]
    calls = [results, results[::-1], results[20:] + results[:20], results[:10]] * 2
    answers = await asyncio.gather(*(record(store, *call) for call in calls))
    assert sum(answer.recorded for answer in answers) == 40
    assert any(answer.complete for answer in answers)
    report = await store.read_run(IMPORT, 1)
    assert report is not None
    assert (report.chunks_ok, report.facts_extracted) == (40, 40)


async def test_results_of_other_runs_are_ignored(store: Store) -> None:
    stranger = uuid5(SEED, "stranger")
    await begin(store)
    await store.fail_run(IMPORT, 1, "x", "y")
    finished = await record(store, result_of(0))
    await begin(store)
    answer = await record(
        store,
        result_of(0, [fact_of("older")], run=1),
        result_of(0, [fact_of("fine")], run=2),
        result_of(1, run=2, import_id=stranger),
        result_of(2, run=2, user_id=BORIS),
    )
    await store.cancel_run(IMPORT, 2)
    cancelled = await record(store, result_of(5, run=2))
    assert [refused.reason for refused in finished.ignored] == ["finished"]
    assert answer.recorded == 1
    assert {(r.import_id, r.run, r.index, r.reason) for r in answer.ignored} == {
        (IMPORT, 1, 0, "older"),
        (stranger, 2, 1, "unknown"),
        (IMPORT, 2, 2, "unknown"),
    }
    assert [refused.reason for refused in cancelled.ignored] == ["cancelled"]
    assert await ids_of(store, 1) == set()
    assert await ids_of(store, 2) == {fact_of("fine").id}


async def test_an_ok_result_mends_a_dead_one_until_the_claim(store: Store) -> None:
    await begin(store)
    await store.finish_chunking(IMPORT, 1, Chunking(total=2))
    await record(store, result_of(0, status=ChunkStatus.DEAD), result_of(1, status=ChunkStatus.DEAD))
    assert (await record(store, result_of(0, [fact_of("a")]))).recorded == 1
    assert (await record(store, result_of(0, status=ChunkStatus.DEAD))).recorded == 0
    await store.claim_run(IMPORT, 1, "w", 60)
    assert (await record(store, result_of(1, [fact_of("b")]))).recorded == 0
    report = await store.read_run(IMPORT, 1)
    assert report is not None
    assert (report.chunks_ok, report.chunks_dead, report.facts_extracted) == (1, 1, 1)


async def test_superseded_conversations_do_not_count(store: Store) -> None:
    await begin(store)
    kept, gone, repeated = fact_of("kept", conversation_id="c2"), fact_of("gone"), fact_of("repeated")
    newer = Chunking(total=3, superseded=[{"conversation_id": "c1", "before_index": 2}])
    await record(store, result_of(2, [repeated, fact_of("new")]))
    await store.finish_chunking(IMPORT, 1, newer)
    await record(store, result_of(0, [gone, repeated, kept]), result_of(1))
    assert await ids_of(store) == {kept.id, repeated.id, fact_of("new").id}
    report = await store.read_run(IMPORT, 1)
    assert report is not None
    assert report.facts_extracted == 3


@pytest.mark.slow
async def test_of_thousands_of_versions_the_last_voids_all_before_it(
    store: Store, sql: asyncpg.Connection
) -> None:
    """As an export may hold on purpose. Each with each, this many take longer than any statement may."""
    await begin(store)
    count = 20_000
    await record(store, result_of(0, [fact_of("a")]))
    await sql.execute(
        "INSERT INTO facts SELECT (jsonb_populate_record(f, jsonb_build_object("
        "'fact_id', gen_random_uuid(), 'chunk_index', n))).* FROM facts f, generate_series(1, $1) n",
        count,
    )
    versions = [{"conversation_id": "c1", "before_index": number} for number in range(count, 0, -1)]
    await sql.execute("UPDATE imports SET superseded = $1", json.dumps(versions))
    async with sql.transaction():
        await sql.execute("SET LOCAL statement_timeout = '10s'")
        await sql.execute("SELECT close_extraction($1, 1)", IMPORT)
    assert await sql.fetchval("SELECT array_agg(chunk_index) FROM facts") == [count]


async def test_a_fact_of_several_chunks_is_that_of_the_latest(store: Store) -> None:
    await begin(store)
    early, late = fact_of("a", quote="early"), fact_of("a", quote="late")
    await record(store, result_of(3, [late]), result_of(1, [early]))
    await record(store, result_of(2, [early]))
    [fact] = await store.read_facts(IMPORT, 1)
    assert (fact.quote, fact.chunk_index) == ("late", 3)


async def test_facts_keep_every_field_and_any_text(store: Store) -> None:
    await begin(store)
    fact = fact_of(
        "a",
        statement=NASTY,
        quote=NASTY,
        message_ids=("m1", 'm"2', "m,3", ""),
        conversation_id=NASTY,
        stated_at=datetime(2024, 5, 1, 12, 30, 15, 123456, tzinfo=UTC),
        valid_from=date(2023, 1, 1),
        valid_until=date(9999, 12, 31),
        confidence=0.123456789,
        source_kind=SourceKind.CUSTOM_INSTRUCTIONS,
    )
    await record(store, result_of(0, [fact]))
    [stored] = await store.read_facts(IMPORT, 1)
    assert stored.model_dump(include=set(type(fact).model_fields)) == fact.model_dump()
    assert (stored.matter, stored.status, stored.support) == ("t", FactStatus.CURRENT, 1)


async def test_pages_follow_the_order(store: Store) -> None:
    await begin(store)
    times = [
        None,
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2024, 1, 1, tzinfo=UTC),
    ]
    facts = [fact_of(f"{n}", stated_at=times[n % 4]) for n in range(50)]
    matters = ["b", "B", "", "é", "a b"]
    await store.record_chunks(
        [(result_of(0, facts), [matters[n % 5] for n in range(50)])], model=MODEL, prompt_version=PROMPTS
    )
    whole = await store.read_facts(IMPORT, 1)
    expected = sorted(
        (matters[n % 5].encode(), facts[n].stated_at or datetime.min.replace(tzinfo=UTC), facts[n].id.bytes)
        for n in range(50)
    )
    assert [fact.id.bytes for fact in whole] == [key[2] for key in expected]
    paged = []
    page = await store.read_facts(IMPORT, 1, limit=7)
    while page:
        paged += page
        page = await store.read_facts(IMPORT, 1, page[-1].key, 7)
    assert paged == whole


async def test_pages_use_the_index(store: Store, sql: asyncpg.Connection) -> None:
    await begin(store)
    await record(store, result_of(0, [fact_of(f"fact {number}") for number in range(1000)]))
    await sql.execute("ANALYZE facts")  # not as other tests left it
    plan = await sql.fetch(
        "EXPLAIN SELECT * FROM facts f WHERE import_id = $1 AND run = 1 "
        "AND (matter, coalesce(stated_at, '-infinity'), fact_id) > ('a', '-infinity'::timestamptz, $1) "
        "ORDER BY matter, coalesce(stated_at, '-infinity'), fact_id LIMIT 10".replace(
            "$1", f"'{IMPORT}'::uuid"
        )
    )
    text = "\n".join(row[0] for row in plan)
    assert "facts_in_order" in text
    assert "Sort" not in text


@EVERY_WAY
async def test_settling_says_all_and_is_repeatable(store: Store) -> None:
    await begin(store)
    a, b, c = (fact_of(name) for name in "abc")
    await record(store, result_of(0, [a, b, c]))
    updates = [
        FactUpdate(a.id, support=2),
        FactUpdate(b.id, FactStatus.MERGED, merged_into=a.id),
        FactUpdate(c.id, FactStatus.SUPERSEDED, superseded_by=a.id),
        FactUpdate(uuid5(SEED, "unknown")),
    ]
    assert await store.settle_facts(IMPORT, 1, updates) == 3
    assert await store.settle_facts(IMPORT, 1, updates) == 0
    by_id = {fact.id: fact for fact in await store.read_facts(IMPORT, 1)}
    assert by_id[a.id].support == 2
    assert (by_id[b.id].status, by_id[b.id].merged_into) == (FactStatus.MERGED, a.id)
    assert (by_id[c.id].status, by_id[c.id].superseded_by) == (FactStatus.SUPERSEDED, a.id)
    assert await store.settle_facts(IMPORT, 1, [FactUpdate(b.id)]) == 1
    assert await store.settle_facts(IMPORT, 1, []) == 0
    with pytest.raises(StoreError, match="settle_facts"):
        await store.settle_facts(IMPORT, 1, [FactUpdate(b.id, support=0)])


@EVERY_WAY
async def test_the_cache_answers_for_its_key_only(store: Store) -> None:
    await begin(store)
    fact = fact_of("a", statement=NASTY)
    await record(
        store,
        result_of(0, [fact], dropped={"no quote": 2}, unread=("x",)),
        result_of(1, content_hash="hash-0"),
        result_of(2, [fact_of("b")], status=ChunkStatus.DEAD),
        result_of(3, [fact_of("c")], cached=True),
    )
    hashes = [f"hash-{n}" for n in range(4)]
    assert await store.cached_hashes(ANNA, MODEL, PROMPTS, hashes) == {"hash-0"}
    assert await store.cached_hashes(ANNA, MODEL, "v2", hashes) == set()
    assert await store.cached_hashes(ANNA, "other", PROMPTS, hashes) == set()
    assert await store.cached_hashes(BORIS, MODEL, PROMPTS, hashes) == set()
    assert await store.cached_hashes(ANNA, MODEL, PROMPTS, []) == set()
    ours = {"import_id": IMPORT, "user_id": ANNA}
    chunks = [
        chunk_of(said("m1", "x"), index=9, content_hash=each).model_copy(update=ours) for each in hashes
    ]
    found = (await store.look_up_chunks(chunks, MODEL, PROMPTS)).known
    assert set(found) == {(ANNA, "hash-0")}
    entry = found[ANNA, "hash-0"]
    assert (entry.facts, entry.dropped, entry.unread, entry.usage.calls) == (
        (fact,),
        {"no quote": 2},
        ("x",),
        1,
    )
