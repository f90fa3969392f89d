"""What the gateway shows: runs as they fare, a person's own and nobody else's, and what is served."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid5

import asyncpg
import pytest

from shared.domain.errors import StoreError
from shared.domain.facts import FactStatus
from shared.domain.ids import quick_id, shadow_id
from shared.domain.runs import RunKey, RunKind
from shared.store.chunks import Chunking
from shared.store.store import Store
from shared.store.watching import FoundRun, SideRun, WatchedRun
from tests.postgres.conftest import EVERY_WAY
from tests.support.records import (
    ANNA,
    BORIS,
    IMPORT,
    MODEL,
    PROMPTS,
    SEED,
    PassageOf,
    commit,
    fact_of,
    memory_of,
    result_of,
    with_matter,
)
from tests.support.runs import begin_run

SOURCE = "imports/anna/1700000000000-export.zip"


async def watched(store: Store, import_id: UUID = IMPORT) -> WatchedRun:
    (row,) = await store.watch_runs([import_id])
    return row


async def found(store: Store, import_id: UUID = IMPORT, run: int | None = None) -> FoundRun:
    row = await store.find_run(import_id, run, ANNA)
    assert row is not None
    return row


async def recorded(store: Store, *indexes: int) -> None:
    results = [with_matter(result_of(index, [fact_of(f"f{index}")])) for index in indexes]
    await store.record_chunks(results, model=MODEL, prompt_version=PROMPTS)


async def add(sql: asyncpg.Connection, import_id: UUID, run: int, **columns: object) -> None:
    """A row of imports as another part writes it."""
    fields = {"user_id": ANNA, "pipeline": "v1", "source": SOURCE, "on_log": True} | columns
    names = ", ".join(("import_id", "run", *fields))
    values = ", ".join(f"${n}" for n in range(1, len(fields) + 3))
    await sql.execute(f"INSERT INTO imports ({names}) VALUES ({values})", import_id, run, *fields.values())


@EVERY_WAY
async def test_a_watched_run_says_at_each_change_how_far_it_is(store: Store) -> None:
    assert await store.watch_runs([]) == await store.watch_runs([IMPORT]) == []
    await begin_run(store, IMPORT, ANNA, SOURCE, "v2")
    first = await watched(store)
    assert (first.state, first.stage, first.percent, first.total) == ("chunking", "chunking", 0, None)
    assert first == await watched(store)
    await store.save_chunks_batch(ANNA, [PassageOf()], of_run=RunKey(IMPORT, 1))
    await store.finish_chunking(IMPORT, 1, Chunking(total=4))
    await recorded(store, 0, 1)
    second = await watched(store)
    assert (second.state, second.stage, second.percent) == ("extracting", "extracting", 45)
    assert (second.ok, second.dead, second.total) == (2, 0, 4)
    assert second.version > first.version
    await store.note_progress([RunKey(IMPORT, 1)])
    assert await watched(store) == second  # nothing is told that its version does not say
    await recorded(store, 2, 3)
    assert (await store.claim_run(IMPORT, 1, "me", 60)).claimed
    third = await watched(store)
    assert (third.state, third.stage, third.percent) == ("consolidating", "consolidating", 90)
    await commit(store, memory_of())
    last = await watched(store)
    assert (last.state, last.percent, last.coverage, last.ended) == ("complete", 100, 1.0, True)
    assert last.version > second.version


async def test_of_many_the_newest_run_of_each_is_told_in_one_call(store: Store) -> None:
    imports = [uuid5(SEED, f"watched {n}") for n in range(20)]
    for import_id in imports:
        await begin_run(store, import_id, ANNA, SOURCE, "v2")
    await store.fail_run(imports[0], 1, "reading", "broken")
    await begin_run(store, imports[0], ANNA, SOURCE, "v2")
    rows = {row.import_id: row for row in await store.watch_runs([*imports, IMPORT])}
    assert rows.keys() == set(imports)
    assert [rows[each].run for each in imports] == [2] + [1] * 19


@EVERY_WAY
async def test_a_run_is_found_by_its_owner_alone(store: Store) -> None:
    await begin_run(store, IMPORT, ANNA, SOURCE, "v2")
    run = await found(store)
    assert (run.run, run.user_id, run.name, run.state) == (1, ANNA, "1700000000000-export.zip", "chunking")
    assert (run.usage, run.error, run.quick, run.fallback) == (None, None, None, None)
    assert await store.find_run(IMPORT, None, BORIS) is None
    assert await store.find_run(IMPORT, 2, ANNA) is None
    assert await store.find_run(IMPORT) == run
    assert await store.find_run(BORIS, None, ANNA) is None


async def test_an_ended_run_says_what_it_took_and_why_it_failed(store: Store) -> None:
    await begin_run(store, IMPORT, ANNA, SOURCE, "v2")
    await store.fail_run(IMPORT, 1, "reading", "the export breaks")
    assert (await found(store)).error == {"step": "reading", "message": "the export breaks"}
    await begin_run(store, BORIS, ANNA, "/srv/uploads/anna/a.zip", "v2")
    await store.fail_run(BORIS, 1, "reading", "/srv/uploads/anna/a.zip is none: /srv/uploads/anna/a.zip")
    told = (await found(store, BORIS)).error
    assert told == {"step": "reading", "message": "a.zip is none: a.zip"}, "no folder of ours is told"
    await begin_run(store, IMPORT, ANNA, SOURCE, "v2")
    await store.save_chunks_batch(ANNA, [PassageOf()], of_run=RunKey(IMPORT, 2))
    await store.finish_chunking(IMPORT, 2, Chunking(total=0))
    await commit(store, memory_of(2))
    ended = await found(store)
    assert (ended.run, ended.state, ended.percent) == (2, "complete", 100)
    assert ended.usage == memory_of(2).usage
    assert (await found(store, run=1)).state == "failed"


async def test_what_else_runs_for_an_import_is_named(store: Store, sql: asyncpg.Connection) -> None:
    await begin_run(store, IMPORT, ANNA, SOURCE, "v2")
    quick, shadow = quick_id(IMPORT), shadow_id(IMPORT, "v2")
    await add(sql, quick, 1, kind="quick", parent_id=IMPORT)
    await add(sql, shadow, 1, kind="shadow", parent_id=IMPORT)
    assert (await found(store)).quick == SideRun(import_id=quick, run=1, state="received")
    of_quick = await found(store, quick)
    assert (of_quick.kind, of_quick.parent_id, of_quick.quick) == (RunKind.QUICK, IMPORT, None)
    await store.fail_run(IMPORT, 1, "extracting", "refused")
    await sql.execute("DELETE FROM imports WHERE import_id = $1 AND run = 2", IMPORT)
    await add(sql, IMPORT, 2, kind="fallback")
    assert (await found(store)).kind == RunKind.FALLBACK
    failed = await found(store, run=1)
    assert failed.fallback == SideRun(import_id=IMPORT, run=2, state="received")
    assert await store.find_run(shadow, None, ANNA) is None  # nobody is told
    assert (await store.find_run(shadow)) is not None


@EVERY_WAY
async def test_runs_come_page_by_page_whatever_is_added_meanwhile(
    store: Store, sql: asyncpg.Connection
) -> None:
    imports = [uuid5(SEED, f"listed {n}") for n in range(5)]
    for import_id in imports:
        await begin_run(store, import_id, ANNA, SOURCE, "v2")
    await begin_run(store, IMPORT, BORIS, SOURCE, "v2")
    await add(sql, quick_id(imports[0]), 1, kind="quick", parent_id=imports[0])
    await add(sql, shadow_id(imports[0], "v2"), 1, kind="shadow", parent_id=imports[0])
    first = await store.page_runs(ANNA, limit=2)
    assert [run.import_id for run in first] == [imports[4], imports[3]]
    await begin_run(store, uuid5(SEED, "listed later"), ANNA, SOURCE, "v2")
    second = await store.page_runs(ANNA, RunKey(first[-1].import_id, 1), limit=10)
    assert [run.import_id for run in second] == imports[2::-1]
    assert len(await store.page_runs(None)) == 7
    assert [run.user_id for run in await store.page_runs(BORIS)] == [BORIS]
    with pytest.raises(StoreError) as refused:
        await store.page_runs(ANNA, RunKey(IMPORT, 1))
    assert refused.value.sqlstate == "SP003"
    assert await store.page_runs(uuid5(SEED, "nobody")) == []


async def served(store: Store) -> None:
    await begin_run(store, IMPORT, ANNA, SOURCE, "v2")
    await store.save_chunks_batch(ANNA, [PassageOf()], of_run=RunKey(IMPORT, 1))
    facts = [fact_of(f"f{n}", stated_at=datetime(2024, 5, n + 1, tzinfo=UTC)) for n in range(5)]
    await store.record_chunks([with_matter(result_of(0, facts))], model=MODEL, prompt_version=PROMPTS)
    await store.finish_chunking(IMPORT, 1, Chunking(total=1))
    await commit(store, memory_of(memory_md="# MEMORY"))


async def test_what_is_served_says_whose_it_is(store: Store) -> None:
    assert await store.read_served(ANNA) is None
    await store.update_user_profile(ANNA, {"import_stage": "received"})
    assert await store.read_served(ANNA) is None  # a row, and nothing in it
    await served(store)
    row = await store.read_served(ANNA)
    assert row is not None
    assert (row.import_id, row.run, row.pipeline, row.kind) == (IMPORT, 1, "v2", RunKind.PRIMARY)
    assert (row.coverage, row.format, row.memory_md) == (1.0, "markdown", "# MEMORY")
    assert row.sections.soul
    assert (row.memory_import_id, row.memory_run) == (IMPORT, 1)


@EVERY_WAY
async def test_sections_that_another_service_wrote_are_served_too(store: Store) -> None:
    await store.update_user_profile(ANNA, {"soul_md": '{"tone": "dry"}'})
    row = await store.read_served(ANNA)
    assert row is not None
    assert (row.import_id, row.format, row.sections.soul) == (None, None, '{"tone": "dry"}')
    assert await store.page_facts(ANNA) == []


@EVERY_WAY
async def test_facts_come_page_by_page_with_whose_words_they_quote(store: Store) -> None:
    await served(store)
    first = await store.page_facts(ANNA, limit=2)
    assert [fact.id for fact in first] == [fact_of("f0").id, fact_of("f1").id]
    assert first[0].quote == "I said f0"
    assert first[0].conversation_title == "Moving house"
    rest = await store.page_facts(ANNA, (first[-1].id,), limit=10, status=[FactStatus.CURRENT])
    assert [fact.id for fact in rest] == [fact_of(f"f{n}").id for n in (2, 3, 4)]
    assert await store.page_facts(ANNA, status=[FactStatus.MERGED]) == []
    with pytest.raises(StoreError) as refused:
        await store.page_facts(ANNA, (fact_of("other").id,))
    assert refused.value.sqlstate == "SP003"
    assert await store.page_facts(BORIS) == []


@EVERY_WAY
async def test_the_outbox_counts_what_was_never_put_on_the_log(store: Store, sql: asyncpg.Connection) -> None:
    outbox = await store.read_outbox()
    assert (outbox.runs, outbox.seconds) == (0, 0)
    await add(sql, IMPORT, 1, requested_at=datetime(2024, 1, 1, tzinfo=UTC))
    await add(sql, uuid5(SEED, "offered"), 1, offered_at=datetime.now(UTC))
    await begin_run(store, uuid5(SEED, "begun"), BORIS, SOURCE, "v2")
    outbox = await store.read_outbox()
    assert outbox.runs == 1
    assert outbox.seconds > 86_400
