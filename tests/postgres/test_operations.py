"""What users cost, what holds services up, and which batches are open."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg

from shared.domain.batches import SENDING, OpenBatch
from shared.domain.events import Usage
from shared.store.batches import StoreLedger
from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
from tests.support.records import (
    ANNA,
    BORIS,
    IMPORT,
    MODEL,
    PROMPTS,
    commit,
    memory_of,
    result_of,
    with_matter,
)
from tests.support.runs import begin_run

NOW = datetime(2026, 11, 23, tzinfo=UTC)


async def test_a_users_cost_is_that_of_all_runs_also_of_those_that_failed(store: Store) -> None:
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    results = [
        result_of(0, usage=Usage(calls=1, input_tokens=100, output_tokens=10, cost=0.25, unanswered=2)),
        result_of(1, usage=Usage(calls=2, cache_read_tokens=7, cache_write_tokens=5, cost=0.5)),
    ]
    await store.record_chunks([with_matter(each) for each in results], model=MODEL, prompt_version=PROMPTS)
    whole = results[0].usage + results[1].usage
    (usage,) = await store.read_usage()
    assert usage.model_dump(exclude={"user_id", "runs"}) == whole.model_dump()
    assert (usage.user_id, usage.runs) == (ANNA, 1)
    report = await store.read_run(IMPORT, 1)
    assert report is not None
    assert report.extraction_usage == whole
    await store.fail_run(IMPORT, 1, step="run", error="no")
    second = await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    await store.record_chunks(
        [with_matter(result_of(0, run=second.run))], model=MODEL, prompt_version=PROMPTS
    )
    assert (await commit(store, memory_of(run=second.run))).written  # its usage is the whole run's
    (usage,) = await store.read_usage(ANNA)
    assert (usage.runs, usage.calls, usage.cost, usage.unanswered) == (2, 4, 1.25, 2)
    assert await store.read_usage(BORIS) == []


async def test_a_price_that_is_not_known_makes_no_sum(store: Store) -> None:
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    results = [result_of(0), result_of(1, usage=Usage(calls=1, cost=None))]
    await store.record_chunks([with_matter(each) for each in results], model=MODEL, prompt_version=PROMPTS)
    (usage,) = await store.read_usage()
    assert (usage.calls, usage.cost) == (2, None)


async def test_holds_are_what_each_process_said_last(store: Store, sql: asyncpg.Connection) -> None:
    hold = {"service": "extractor", "hold": "faults", "reason": "no credit", "since": NOW}
    await store.note_holds("one", [hold])
    await store.note_holds("two", [hold, hold | {"service": "writer", "reason": "down"}])
    found = await store.read_holds(60)
    assert [(each.service, each.reason, each.since, each.replicas) for each in found] == [
        ("extractor", "no credit", NOW, 2),
        ("writer", "down", NOW, 1),
    ]
    await store.note_holds("two", [hold | {"reason": "no key"}])
    await store.note_holds("one", [])
    assert [each.reason for each in await store.read_holds(60)] == ["no key"]
    await sql.execute("UPDATE service_holds SET seen_at = now() - interval '2 minutes'")
    assert await store.read_holds(60) == []  # a process that was killed takes nothing back


@EVERY_WAY
async def test_batches_are_found_by_their_chunks_until_those_are_stored(store: Store) -> None:
    ledger, elsewhere = StoreLedger(store, "here"), StoreLedger(store, "elsewhere")
    sending = OpenBatch(
        batch_id=f"{SENDING}1", model="m", prompt_version="p", hashes=("a", "b", "c"), size=3, begun_at=NOW
    )
    await ledger.opened(sending)
    (found,) = await ledger.holding("m", "p", ["b", "z"])
    assert (found.sending, found.size, found.begun_at, found.hashes) == (True, 3, NOW, ("b",))
    await ledger.opened(sending.model_copy(update={"batch_id": "msgbatch_1"}), instead_of=sending.batch_id)
    (found,) = await ledger.holding("m", "p", ["a", "b", "c"])
    assert (found.batch_id, sorted(found.hashes)) == ("msgbatch_1", ["a", "b", "c"])
    assert await ledger.holding("other", "p", ["a"]) == []
    assert await elsewhere.holding("m", "p", ["a"]) == []
    await elsewhere.stored(["a"])
    await ledger.stored(["b", "c"])
    (found,) = await ledger.holding("m", "p", ["a", "b", "c"])
    assert found.hashes == ("a",)
    await ledger.void("msgbatch_1")
    assert await ledger.holding("m", "p", ["a"]) == []
