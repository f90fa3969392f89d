"""Rows that cannot be read, as a hand in the database or an older version leaves them: each is left out."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest
import structlog

from shared.domain.errors import StoreError
from shared.domain.events import ImportReceived
from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
from tests.postgres.test_lookups import chunk_of
from tests.support.records import (
    ANNA,
    BORIS,
    IMPORT,
    MODEL,
    PROMPTS,
    PassageOf,
    commit,
    fact_of,
    memory_of,
    result_of,
    with_matter,
)

BAD = UUID(int=13)
"""The import whose row cannot be read."""


@pytest.fixture
async def both(store: Store) -> Store:
    """A store with a run of ANNA, and one of BORIS that came later, to be spoilt."""
    for key, user in ((IMPORT, ANNA), (BAD, BORIS)):
        event = ImportReceived(
            import_id=key, user_id=user, run=1, source="a/b", requested_at=datetime(2024, 5, 1, tzinfo=UTC)
        )
        await store.take_run(event, "v2", "a")
    return store


async def test_status_lists_the_other_runs_and_the_log_says_which_is_missing(
    both: Store, sql: asyncpg.Connection
) -> None:
    await sql.execute("UPDATE imports SET begun_at = '0044-03-15 BC' WHERE import_id = $1", BAD)
    with structlog.testing.capture_logs() as logs:
        assert [run.import_id for run in await both.list_runs()] == [IMPORT]
        assert await both.list_runs(BAD, limit=1) == []
    assert {line["import_id"] for line in logs} == {str(BAD)}
    assert {line["user_id"] for line in logs} == {str(BORIS)}
    assert {line["field"] for line in logs} == {"begun_at"}
    assert "0044" not in str(logs)


async def test_the_sweeper_is_told_of_the_other_runs(both: Store, sql: asyncpg.Connection) -> None:
    await sql.execute("UPDATE imports SET source = repeat('s', 5000) WHERE import_id = $1", BAD)
    assert [run.import_id for run in await both.find_stalled("v2", 0.0)] == [IMPORT]


async def test_one_run_whose_row_cannot_be_read_is_its_own_fault(
    both: Store, sql: asyncpg.Connection
) -> None:
    await sql.execute("UPDATE imports SET begun_at = 'infinity' WHERE import_id = $1", BAD)
    with pytest.raises(StoreError, match="holds a value that cannot be read") as caught:
        await both.read_run(BAD, 1)
    assert caught.value.sqlstate == "22000", "not a database that is down"


@EVERY_WAY
async def test_a_page_of_facts_is_filled_up_so_that_a_short_one_is_the_last(
    both: Store, sql: asyncpg.Connection
) -> None:
    facts = [fact_of(f"{n}", stated_at=datetime(2024, 5, 1 + n, tzinfo=UTC)) for n in range(9)]
    await both.record_chunks([with_matter(result_of(0, facts))], model=MODEL, prompt_version=PROMPTS)
    bad = [facts[n].id for n in (0, 2, 3, 4, 8)]
    await sql.execute("UPDATE facts SET confidence = 'NaN' WHERE fact_id = ANY($1)", bad)
    whole = [facts[n].id for n in (1, 5, 6, 7)]
    for limit in (1, 2, 3, 4, 9, 100):
        page = await both.read_facts(IMPORT, 1, None, limit)
        read = [fact.id for fact in page]
        while len(page) == limit:
            page = await both.read_facts(IMPORT, 1, page[-1].key, limit)
            read += [fact.id for fact in page]
        assert read == whole, limit
    await commit(both, memory_of())
    assert [fact.id for fact in await both.list_facts(ANNA, limit=4)] == whole
    assert await both.find_fact(ANNA, str(bad[0])) == []


async def test_what_the_cache_cannot_give_back_is_read_anew(both: Store, sql: asyncpg.Connection) -> None:
    results = [with_matter(result_of(index, [fact_of(f"{index}")])) for index in (0, 1)]
    await both.record_chunks(results, model=MODEL, prompt_version=PROMPTS)
    await sql.execute(
        "UPDATE extraction_cache SET facts = jsonb_set(facts, '{0,stated_at}', '\"0001-01-01T00:00:00Z\"') "
        "WHERE content_hash = 'hash-0'"
    )
    chunks = [chunk_of(7, content_hash="hash-0"), chunk_of(8, content_hash="hash-1")]
    assert list((await both.look_up_chunks(chunks, MODEL, PROMPTS)).known) == [(ANNA, "hash-1")]


@EVERY_WAY
async def test_passages_and_holds_that_cannot_be_read_are_left_out(
    both: Store, sql: asyncpg.Connection
) -> None:
    await both.save_chunks_batch(ANNA, [PassageOf(), PassageOf("c2")])
    await sql.execute("UPDATE conversation_chunks SET created_at = '-infinity' WHERE conversation_id = 'c1'")
    assert [each.conversation_id for each in await both.search_passages(ANNA, "Porto")] == ["c2"]
    assert await both.read_passages(ANNA, "c1") == []
    for service, since in (("chunker", "infinity"), ("writer", "2024-05-01")):
        await both.note_holds(service, [{"service": service, "hold": "h", "reason": "r", "since": since}])
    assert [each.service for each in await both.read_holds(60)] == ["writer"]


async def test_the_relay_is_given_the_other_runs(store: Store, sql: asyncpg.Connection) -> None:
    for key, user in ((IMPORT, ANNA), (BAD, BORIS)):
        await store.accept_import(key, user, "a/b", "v2")
    await sql.execute("UPDATE imports SET source = repeat('s', 5000) WHERE import_id = $1", BAD)
    assert [run.import_id for run in await store.take_unoffered(-1.0, 30.0, 10)] == [IMPORT]
