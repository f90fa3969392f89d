"""The life of a run: begun once, complete by state, claimed by one, ended once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid5

import asyncpg
import pytest

from shared.domain.errors import BusyError, StoreError
from shared.domain.events import ChunkStatus, FactsExtracted, Usage
from shared.domain.facts import ABOUT_SELF, WITH_FACT
from shared.domain.runs import RunKey
from shared.domain.sample import SampleConversation
from shared.store.accepting import AcceptedRun
from shared.store.chunks import Chunking, Recorded
from shared.store.facts import FactUpdate
from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
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


async def begin(store: Store, **changes: object) -> AcceptedRun:
    fields: dict[str, object] = {"variant": "a"} | changes
    return await begin_run(store, IMPORT, ANNA, "/a.zip", "v2", **fields)


async def record(store: Store, *results: FactsExtracted) -> Recorded:
    return await store.record_chunks(
        [with_matter(result) for result in results], model=MODEL, prompt_version=PROMPTS
    )


async def completed(store: Store) -> None:
    """A run of one chunk, all in."""
    await begin(store)
    await record(store, result_of(0, [fact_of("a")]))
    assert (await store.finish_chunking(IMPORT, 1, Chunking(total=1))).complete


async def state_of(store: Store, run: int = 1) -> str:
    report = await store.read_run(IMPORT, run)
    assert report is not None
    return report.state


async def test_an_unfinished_run_is_resumed_and_a_finished_one_followed(store: Store) -> None:
    first = await begin(store)
    assert (first.run, first.resumed, await state_of(store)) == (1, False, "chunking")
    await record(store, result_of(0), result_of(1, status=ChunkStatus.DEAD))
    again = await begin(store)
    assert (again.run, again.resumed) == (1, True)
    assert again.requested_at == first.requested_at
    report = await store.read_run(IMPORT, 1)
    assert report is not None
    assert (report.chunks_ok, report.chunks_dead) == (1, 1)
    assert await store.fail_run(IMPORT, 1, "reading", "broken")
    second = await begin(store)
    assert (second.run, second.resumed) == (2, False)


async def test_another_variant_or_pipeline_begins_anew(store: Store) -> None:
    await begin(store)
    assert (await begin(store, variant="b")).run == 2
    assert await state_of(store, 1) == "cancelled"
    other = await begin_run(store, IMPORT, ANNA, "/a.zip", "v3", variant="b")
    assert (other.run, other.resumed) == (3, False)


@EVERY_WAY
async def test_an_import_of_another_user_is_refused(store: Store) -> None:
    await begin(store)
    with pytest.raises(StoreError, match="belongs to another user") as caught:
        await begin_run(store, IMPORT, BORIS, "/a.zip", "v2")
    assert caught.value.sqlstate == "SP002"


@EVERY_WAY
async def test_beginning_at_once_begins_one_run(store: Store) -> None:
    runs = await asyncio.gather(*(begin(store) for _ in range(8)))
    assert {run.run for run in runs} == {1}
    assert sum(not run.resumed for run in runs) == 1


@EVERY_WAY
async def test_beginning_shows_in_the_profile(store: Store) -> None:
    await begin(store)
    assert await store.update_progress(IMPORT, 1, 40, "extracting")
    profile = await store.read_profile(ANNA)
    assert profile is not None
    assert (profile.full_pass_status, profile.progress_percent, profile.import_stage) == (
        "processing",
        40,
        "extracting",
    )
    with pytest.raises(StoreError, match="allowed range"):
        await store.update_progress(IMPORT, 1, 101, "extracting")
    assert not await store.update_progress(IMPORT, 7, 1, "x")


async def test_only_the_newest_run_speaks_in_the_profile(store: Store) -> None:
    await begin(store, requested_at=datetime(2024, 1, 1, tzinfo=UTC))
    newer = uuid5(SEED, "newer import")
    await begin_run(store, newer, ANNA, "/b.zip", "v2", requested_at=datetime(2024, 2, 1, tzinfo=UTC))
    await store.update_progress(newer, 1, 10, "new")
    assert await store.update_progress(IMPORT, 1, 90, "old")
    assert await store.fail_run(IMPORT, 1, "reading", "old error")
    profile = await store.read_profile(ANNA)
    assert profile is not None
    assert (profile.import_stage, profile.full_pass_status, profile.full_pass_error) == (
        "new",
        "processing",
        None,
    )


async def test_completion_whichever_comes_last(store: Store) -> None:
    await begin(store)
    assert (await record(store, result_of(0))).complete == ()
    assert not (await store.finish_chunking(IMPORT, 1, Chunking(total=2))).complete
    assert not (await store.claim_run(IMPORT, 1, "w1", 60)).claimed
    assert (await record(store, result_of(1))).complete == (RunKey(IMPORT, 1),)
    assert (await record(store, result_of(1))).complete == (RunKey(IMPORT, 1),), (
        "a redelivery repairs a crash"
    )
    assert (await store.finish_chunking(IMPORT, 1, Chunking(total=2))).complete


async def test_an_empty_import_is_complete_at_once(store: Store) -> None:
    await begin(store)
    assert (await store.finish_chunking(IMPORT, 1, Chunking(total=0))).complete
    assert (await store.claim_run(IMPORT, 1, "w1", 60)).claimed


async def test_finishing_what_cannot_be_finished(store: Store) -> None:
    assert (await store.finish_chunking(IMPORT, 1, Chunking(total=1))).ignored == "unknown"
    await begin(store)
    assert await store.cancel_run(IMPORT, 1)
    answer = await store.finish_chunking(IMPORT, 1, Chunking(total=0))
    assert (answer.complete, answer.ignored) == (False, "cancelled")


async def test_chunks_beyond_the_total_go(store: Store) -> None:
    await begin(store)
    await record(store, result_of(0, [fact_of("a")]), result_of(1, [fact_of("b")]))
    assert (await store.finish_chunking(IMPORT, 1, Chunking(total=1))).complete
    assert [fact.id for fact in await store.read_facts(IMPORT, 1)] == [fact_of("a").id]
    late = await record(store, result_of(5))
    assert [refused.reason for refused in late.ignored] == ["beyond total"]


@EVERY_WAY
async def test_one_of_two_claims_wins(store: Store) -> None:
    await completed(store)
    claims = await asyncio.gather(*(store.claim_run(IMPORT, 1, f"w{n}", 60) for n in range(4)))
    assert sorted(claim.reason or "" for claim in claims) == ["", "leased", "leased", "leased"]
    winner = f"w{[claim.claimed for claim in claims].index(True)}"
    assert (await store.claim_run(IMPORT, 1, winner, 60)).claimed
    assert await store.renew_run(IMPORT, 1, winner, 60)
    assert not await store.renew_run(IMPORT, 1, "stranger", 60)
    assert not await store.release_run(IMPORT, 1, "stranger")
    assert await store.release_run(IMPORT, 1, winner)
    assert not await store.renew_run(IMPORT, 1, winner, 60)
    assert (await store.claim_run(IMPORT, 1, "stranger", 60)).claimed


async def test_an_expired_lease_is_taken_over_and_settling_begins_anew(store: Store) -> None:
    await completed(store)
    assert (await store.claim_run(IMPORT, 1, "w1", -1)).claimed
    await store.settle_facts(IMPORT, 1, [FactUpdate(fact_of("a").id, support=3)])
    assert (await store.claim_run(IMPORT, 1, "w2", 60)).claimed
    assert [fact.support for fact in await store.read_facts(IMPORT, 1)] == [1]
    assert not await store.renew_run(IMPORT, 1, "w1", 60)


async def test_publishing_ends_the_claim(store: Store) -> None:
    await completed(store)
    assert not await store.mark_published(IMPORT, 1), "not claimed"
    await store.claim_run(IMPORT, 1, "w1", 60)
    assert await store.mark_published(IMPORT, 1)
    assert not await store.mark_published(IMPORT, 1)
    assert (await store.claim_run(IMPORT, 1, "w2", 60)).reason == "published"
    assert (await record(store, result_of(0))).complete == ()


async def test_claims_of_runs_that_ended(store: Store) -> None:
    assert (await store.claim_run(IMPORT, 1, "w1", 60)).reason == "unknown"
    await begin(store)
    assert (await store.claim_run(IMPORT, 1, "w1", 60)).reason == "incomplete"
    await store.fail_run(IMPORT, 1, "reading", "broken")
    assert (await store.claim_run(IMPORT, 1, "w1", 60)).reason == "failed"


async def test_a_run_ends_once(store: Store) -> None:
    assert not await store.fail_run(IMPORT, 1, "reading", "none")
    assert not await store.cancel_run(IMPORT, 1)
    await begin(store)
    assert await store.fail_run(IMPORT, 1, "reading", "the zip breaks off")
    assert not await store.fail_run(IMPORT, 1, "later", "other")
    assert not await store.cancel_run(IMPORT, 1)
    assert not await store.update_progress(IMPORT, 1, 5, "x")
    report = await store.read_run(IMPORT, 1)
    profile = await store.read_profile(ANNA)
    assert report is not None
    assert profile is not None
    assert report.error == {"step": "reading", "message": "the zip breaks off"}
    assert (profile.full_pass_status, profile.full_pass_error) == ("failed", "the zip breaks off")


async def test_cancelling_sets_the_profile_back(store: Store) -> None:
    await begin(store)
    assert await store.cancel_run(IMPORT, 1)
    profile = await store.read_profile(ANNA)
    assert profile is not None
    assert (profile.full_pass_status, profile.import_stage) == ("pending", "cancelled")
    assert (await begin(store)).run == 2


@EVERY_WAY
async def test_a_report_tells_everything(store: Store, sql: asyncpg.Connection) -> None:
    assert await store.read_run(IMPORT, 1) is None
    await begin(store)
    usage = Usage(
        calls=2, input_tokens=10, output_tokens=3, cache_read_tokens=4, cache_write_tokens=5, cost=0.5
    )
    await record(
        store,
        result_of(
            0, [fact_of("a")], usage=usage, dropped={"no quote": 2, "not the person": 1}, unread=("x", "y")
        ),
        result_of(1, usage=usage, dropped={"no quote": 3, ABOUT_SELF: 7, WITH_FACT: 4}, unread=("y",)),
        result_of(2, status=ChunkStatus.DEAD, error="refused"),
        result_of(3, cached=True, usage=Usage()),
    )
    sample = [SampleConversation("c1", "Moving", datetime(2024, 1, 1, tzinfo=UTC), 42, ("I live in Porto",))]
    await store.finish_chunking(
        IMPORT,
        1,
        Chunking(total=4, counts={"seen": 9}, sample=sample, breaks=[{"file": "b", "place": "1"}]),
    )
    report = await store.read_run(IMPORT, 1)
    assert report is not None
    assert (report.chunks_total, report.chunks_ok, report.chunks_dead, report.chunks_cached) == (4, 3, 1, 1)
    assert report.refused == {"no quote": 5, "not the person": 1}
    assert report.understood == (7, 4)
    assert report.unread_conversations == 2
    assert report.extraction_usage == usage + usage + Usage(
        calls=1, input_tokens=100, output_tokens=10, cost=0.25
    )
    assert (report.facts_extracted, report.counts, report.breaks) == (
        1,
        {"seen": 9},
        [{"file": "b", "place": "1"}],
    )
    assert report.chunked_at is not None
    assert report.extracted_at is not None
    assert report.committed_usage is None
    assert await store.read_sample(IMPORT, 1) == sample
    assert await store.read_sample(IMPORT, 2) == []
    assert await sql.fetchval("SELECT error FROM chunk_results WHERE chunk_index = 2") == "refused"


async def test_an_unknown_price_makes_the_sum_unknown(store: Store) -> None:
    await begin(store)
    await record(store, result_of(0, usage=Usage(calls=1, cost=None)), result_of(1))
    report = await store.read_run(IMPORT, 1)
    assert report is not None
    assert report.extraction_usage.cost is None
    assert report.extraction_usage.calls == 2


async def test_one_process_holds_a_user(store: Store) -> None:
    async with store.lock_user(ANNA):
        async with store.lock_user(BORIS):
            pass
        with pytest.raises(BusyError, match=str(ANNA)):
            async with store.lock_user(ANNA):
                pytest.fail("two hold the lock")
    async with store.lock_user(ANNA):
        pass


async def test_the_lock_of_a_killed_holder_is_free(store: Store, sql: asyncpg.Connection) -> None:
    async with store.lock_user(ANNA):
        await sql.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        )
        async with store.lock_user(ANNA):
            held = await sql.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
    assert held == 1


async def test_requested_order_beats_begun_order(store: Store) -> None:
    now = datetime.now(UTC)
    await begin(store, requested_at=now)
    queued = uuid5(SEED, "queued")
    await begin_run(store, queued, ANNA, "/b.zip", "v2", requested_at=now - timedelta(days=1))
    await store.update_progress(queued, 1, 50, "older")
    profile = await store.read_profile(ANNA)
    assert profile is not None
    assert profile.import_stage == "chunking"


async def test_nothing_stays_of_what_was_forgotten(store: Store) -> None:
    await begin(store)
    await store.save_chunks_batch(ANNA, [PassageOf("kept"), PassageOf("gone")])
    await store.save_chunks_batch(BORIS, [PassageOf("gone")])
    await store.finish_chunking(IMPORT, 1, Chunking(total=0, forgotten=["gone", "never seen"]))
    assert await store.read_passages(ANNA, "gone") == []
    assert len(await store.read_passages(ANNA, "kept")) == 1
    assert len(await store.read_passages(BORIS, "gone")) == 1
