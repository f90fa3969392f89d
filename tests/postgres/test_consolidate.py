"""Consolidation against a real database: claimed once, settled in place, the same result each time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from services.consolidator.consolidate import ConsolidationPolicy, consolidate
from services.consolidator.stage import with_matters
from shared.domain.documents import documents_of
from shared.domain.events import ChunkStatus, FactsExtracted, Usage
from shared.domain.facts import Fact, FactStatus, SettledFact
from shared.domain.runs import RunKey
from shared.domain.sample import SampleConversation
from shared.domain.sections import User
from shared.domain.text import estimate_tokens
from shared.models.base import Digest
from shared.store.chunks import Chunking
from shared.store.facts import StoredFact
from shared.store.store import Store
from tests.postgres.conftest import EVERY_WAY
from tests.support.records import ANNA, IMPORT, MODEL, PROMPTS, fact_of, result_of
from tests.support.runs import begin_run
from tests.unit.consolidator.models import Rules

KEY = RunKey(IMPORT, 1)
POLICY = ConsolidationPolicy(memory_tokens=600, page=3)
SAID = (
    ("I live in Lisbon.", 2021, "a"),
    ("I really love hiking in the mountains!", 2021, "a"),
    ("My dog is called Rex.", 2021, "b"),
    ("I love hiking in the mountains", 2022, "b"),
    ("I moved to Porto.", 2024, "c"),
    ("I love hiking in the mountains", 2024, "d"),
    ("Always answer in French.", None, "e"),
)


def facts() -> list[Fact]:
    return [
        fact_of(
            f"{at}",
            statement=statement,
            quote=statement,
            conversation_id=conversation,
            stated_at=None if year is None else datetime(year, 5, 1, tzinfo=UTC),
        )
        for at, (statement, year, conversation) in enumerate(SAID)
    ]


async def completed(store: Store, *results: FactsExtracted) -> None:
    """A run whose chunks are all in."""
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    await store.record_chunks(with_matters(results), model=MODEL, prompt_version=PROMPTS)
    sample = [SampleConversation(f"s{at}", "", None, 20, ("hi, please explain this",)) for at in range(4)]
    counts = {"conversations": {"kept": 5, "skipped_count": 0}, "messages": 40}
    finished = await store.finish_chunking(
        IMPORT, 1, Chunking(total=len(results), counts=counts, sample=list(sample))
    )
    assert finished.complete


async def rows(store: Store) -> list[StoredFact]:
    return list(await store.read_facts(IMPORT, 1, None, 100))


async def test_a_run_is_settled_and_written(store: Store) -> None:
    await completed(store, result_of(0, facts()[:4]), result_of(1, facts()[4:], dropped={"no quote": 2}))
    ready = await consolidate(KEY, "me", store, Rules(), POLICY)
    assert ready is not None
    assert (ready.user_id, ready.pipeline, ready.coverage.share) == (ANNA, "v2", 1.0)
    counts = ready.facts
    assert (counts.extracted, counts.dropped_ungrounded, counts.merged, counts.kept, counts.superseded) == (
        7, 2, 2, 5, 1,
    )  # fmt: skip
    assert ready.usage == Usage(calls=4, input_tokens=200, output_tokens=20, cost=0.5)
    told = ready.memory_md
    assert estimate_tokens(told) <= POLICY.memory_tokens
    assert told.startswith("# Memory\n\n5 facts from 5 conversations (40 messages), said 2021-05 to 2024-05.")
    assert told.index("- I moved to Porto. (2024-05)") < told.index(
        "  - earlier: I live in Lisbon. (2021-05)"
    )
    assert "said in 3 conversations" in told
    texts = documents_of(ready.sections)["markdown"]
    assert "Always answer in French." in (texts["agents"] or "")
    assert "greets (in 4 of the 4" in (texts["soul"] or "")
    by_statement = {row.statement: row for row in await rows(store) if row.status is not FactStatus.MERGED}
    assert by_statement["I live in Lisbon."].superseded_by == by_statement["I moved to Porto."].id
    hiking = by_statement["I really love hiking in the mountains!"]
    assert hiking.support == 3
    assert [row.merged_into for row in await rows(store) if row.status is FactStatus.MERGED] == [
        hiking.id
    ] * 2


async def test_the_same_facts_in_other_chunks_give_the_same_memory(store: Store) -> None:
    await completed(store, result_of(0, facts()[::-1]))
    one = await consolidate(KEY, "me", store, Rules(), POLICY)
    settled = await rows(store)
    again = await consolidate(KEY, "me", store, Rules(), ConsolidationPolicy(memory_tokens=600, page=1000))
    assert one is not None
    assert one == again
    assert await rows(store) == settled


async def test_a_plan_of_before_the_newest_day_is_history_by_itself(store: Store) -> None:
    said = [("My viva is on 12 June.", 2021), ("My viva is on 12 June 2030.", 2022), ("I love hiking.", 2024)]
    told = [
        fact_of(
            f"{at}",
            statement=text,
            quote=text,
            conversation_id="a",
            stated_at=datetime(year, 5, 1, tzinfo=UTC),
        )
        for at, (text, year) in enumerate(said)
    ]
    await completed(store, result_of(0, told))
    ready = await consolidate(KEY, "me", store, Rules(), POLICY)
    assert ready is not None
    assert ready.facts.superseded == 1
    assert "- earlier: My viva is on 12 June. (2021-05)" in ready.memory_md
    by_statement = {row.statement: row for row in await rows(store)}
    past = by_statement["My viva is on 12 June."]
    assert (past.status, past.superseded_by) == (FactStatus.SUPERSEDED, None)
    assert by_statement["My viva is on 12 June 2030."].status is FactStatus.CURRENT


@EVERY_WAY
async def test_one_of_many_claims(store: Store) -> None:
    await completed(store, result_of(0, facts()))
    ready = await asyncio.gather(
        *(consolidate(KEY, f"owner {at}", store, Rules(), POLICY) for at in range(4))
    )
    assert sum(each is not None for each in ready) == 1


async def test_an_incomplete_run_is_not_consolidated(store: Store) -> None:
    await begin_run(store, IMPORT, ANNA, "/a.zip", "v2")
    assert await consolidate(KEY, "me", store, Rules(), POLICY) is None
    assert await consolidate(RunKey(IMPORT, 9), "me", store, Rules(), POLICY) is None


async def test_a_lost_lease_ends_the_work(store: Store) -> None:
    await completed(store, result_of(0, facts()))

    class Slow(Rules):
        async def reduce(self, facts: Sequence[SettledFact], budget_tokens: int) -> Digest:
            await store.release_run(*KEY, "me")
            assert (await store.claim_run(*KEY, "other", 60)).claimed
            return await super().reduce(facts, budget_tokens)

    policy = ConsolidationPolicy(memory_tokens=600, lease_seconds=0.0001)
    assert await consolidate(KEY, "me", store, Slow(), policy) is None


async def test_below_the_least_coverage_no_model_is_asked(store: Store) -> None:
    await completed(store, result_of(0, facts()), result_of(1, status=ChunkStatus.DEAD, error="refused"))

    class Silent(Rules):
        async def reduce(self, facts: Sequence[SettledFact], budget_tokens: int) -> Digest:
            raise AssertionError("not to be asked")

    ready = await consolidate(KEY, "me", store, Silent(), POLICY)
    assert ready is not None
    assert ready.coverage.share == 0.5
    assert "Not read: 1 of 2 chunks failed; 50.0% are covered." in ready.memory_md
    assert ready.sections.user == User()


async def test_no_facts_is_an_honest_memory(store: Store) -> None:
    await completed(store, result_of(0))
    ready = await consolidate(KEY, "me", store, Rules(), POLICY)
    assert ready is not None
    assert "held no fact about the person" in ready.memory_md
    assert ready.facts.kept == 0
