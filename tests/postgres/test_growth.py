"""Calls that every batch makes read what they are about, however much is stored: no plan reads a table whole.

Tables are new to the planner here, as they are in the middle of a first import.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid5

import asyncpg
import orjson
import pytest

from shared.domain.facts import FactStatus
from shared.domain.runs import RunKey
from shared.store.facts import FactUpdate
from shared.store.store import Store
from shared.store.transport import to_json
from tests.support.kinds import event_of, take
from tests.support.lineages import CHATGPT, CLAUDE, Run, imported
from tests.support.records import (
    ANNA,
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

MANY = 2000
FEW = 20
"""Above the number of calls for which Postgres plans each anew."""


class OneConnection:
    """A transport over one connection, which may be in a transaction."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def call(self, function: str, argument: Mapping[str, Any]) -> Any:
        payload = to_json(function, argument).decode()
        return orjson.loads(await self._connection.fetchval(f"SELECT {function}($1::jsonb)::text", payload))

    async def close(self) -> None:
        """The connection is the test's."""


@asynccontextmanager
async def counting(sql: asyncpg.Connection, table: str, rows: int) -> AsyncIterator[Store]:
    """A store whose calls in the block must read exactly so many rows of a table."""
    await sql.execute(f"ANALYZE {table}")  # not as other tests left it
    async with sql.transaction():
        yield Store(OneConnection(sql))
        read = await sql.fetchval(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = $1", table
        )
    assert read == rows


@pytest.fixture
async def passages(store: Store) -> list[PassageOf]:
    """Stored passages, two a conversation."""
    stored = [PassageOf(f"c{n}", index, last=index == 1) for n in range(MANY) for index in (0, 1)]
    await store.save_chunks_batch(ANNA, stored)
    return stored


@pytest.fixture
async def facts(store: Store) -> list[FactUpdate]:
    """Updates of some stored facts, all of one matter."""
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    names = [f"fact {n}" for n in range(MANY)]
    result = with_matter(result_of(0, [fact_of(name) for name in names]))
    await store.record_chunks([result], model=MODEL, prompt_version=PROMPTS)
    return [FactUpdate(fact_of(name).id, FactStatus.SUPERSEDED) for name in names[:: MANY // FEW]]


async def test_saving_new_conversations_reads_no_others(
    passages: list[PassageOf], sql: asyncpg.Connection
) -> None:
    new = [PassageOf(f"new {n}") for n in range(FEW)]
    async with counting(sql, "conversation_chunks", 0) as store:
        assert (await store.save_chunks_batch(ANNA, new)).written == FEW


async def test_saving_shorter_conversations_reads_what_stays_and_what_goes(
    passages: list[PassageOf], sql: asyncpg.Connection
) -> None:
    shorter = [passage._replace(last=True) for passage in passages[: 2 * FEW : 2]]
    compared, gone = FEW, FEW
    async with counting(sql, "conversation_chunks", compared + gone) as store:
        assert (await store.save_chunks_batch(ANNA, shorter)).deleted == FEW


async def test_settling_reads_the_facts_it_changes(facts: list[FactUpdate], sql: asyncpg.Connection) -> None:
    async with counting(sql, "facts", FEW) as store:
        assert await store.settle_facts(IMPORT, 1, facts) == FEW


async def test_showing_facts_of_several_accounts_reads_what_is_shown(
    facts: list[FactUpdate], sql: asyncpg.Connection
) -> None:
    """For an OR of two conditions on the key a run was read whole, for each fact."""
    two = [{"vendor": name, "lineage": name} for name in ("chatgpt", "claude")]
    await sql.execute("UPDATE imports SET accounts = $1", orjson.dumps(two).decode())
    page, accounts_of_each = FEW, FEW
    async with counting(sql, "facts", page + accounts_of_each) as store:
        shown = await store.list_facts(ANNA, None, FEW, of_run=RunKey(IMPORT, 1))
        assert [fact.lineages for fact in shown] == [("chatgpt",)] * FEW


async def test_joining_reads_no_other_runs(
    facts: list[FactUpdate], store: Store, sql: asyncpg.Connection
) -> None:
    """Those of the user that count, and its own, are read a few times each."""
    shared = [f"c{n}" for n in range(FEW)]
    await imported(store, "chatgpt", (CHATGPT, shared))
    await sql.execute("ANALYZE facts")
    second = Run(store, "claude")
    await second.read((CLAUDE, shared))
    async with sql.transaction():
        claim = await Store(OneConnection(sql)).claim_run(second.import_id, 1, "me", 60)
        read = await sql.fetchval(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'facts'"
        )
    assert claim.edition == 1
    assert read < 10 * FEW < MANY


async def test_recording_reads_no_other_runs(store: Store, sql: asyncpg.Connection) -> None:
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    await sql.execute(
        "INSERT INTO imports (import_id, run, user_id, pipeline, source)"
        " SELECT gen_random_uuid(), 1, $1, 'v2', '/b.zip' FROM generate_series(1, $2)",
        uuid5(SEED, "someone"),
        MANY,
    )
    result = with_matter(result_of(0, [fact_of("a")]))
    locked, judged, counted, asked = 1, 1, 1, 1
    async with counting(sql, "imports", locked + judged + counted + asked) as own:
        await own.record_chunks([result], model=MODEL, prompt_version=PROMPTS)


async def test_an_import_is_listed_and_swept_without_reading_others(
    store: Store, sql: asyncpg.Connection
) -> None:
    for run in (1, 2):
        await take(store, event_of(run))
    await sql.execute("UPDATE imports SET updated_at = '2020-01-01'")
    for state, many in (("extracting", FEW), ("complete", MANY)):
        await sql.execute(
            "INSERT INTO imports (import_id, run, user_id, pipeline, source, on_log, state)"
            " SELECT gen_random_uuid(), 1, $1, 'v2', '/b.zip', true, $2 FROM generate_series(1, $3)",
            uuid5(SEED, "someone"),
            state,
            many,
        )
    await sql.execute("ANALYZE imports")  # not as other tests left it
    async with sql.transaction():
        own = Store(OneConnection(sql))
        assert [row.run for row in await own.list_runs(IMPORT, limit=1)] == [2]
        stalled = await own.find_stalled("v2", 60, owner="me")
        read = await sql.fetchval(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'imports'"
        )
    assert [run.run for run in stalled] == [2]
    assert read < 3 * FEW
