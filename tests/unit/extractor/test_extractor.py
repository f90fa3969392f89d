"""The extractor: what costs a call, what does not, and what a dead chunk says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from services.extractor.extraction import extract, recalled
from shared.domain.errors import ModelError
from shared.domain.events import ChunkReady, ChunkStatus, Usage
from shared.domain.facts import ABOUT_SELF, WITH_FACT, Candidate, Category
from shared.models.base import Extraction, PartlyReadError
from shared.models.rules.model import OfflineModel
from shared.store.driving import CachedExtraction
from tests.support.chunks import chunk_of, said


@dataclass
class Reader:
    """A rule set of one rule: every message of the person is a fact. Counts its calls."""

    name: str = "reader"
    prompt_version: str = "1"
    ceiling: int = 1
    own_words: bool = False
    sure_from: float = 0.0
    calls: int = 0
    failure: Exception | None = None

    async def extract(self, chunk: ChunkReady) -> Extraction:
        self.calls += 1
        if self.failure is not None:
            raise self.failure
        found = [
            Candidate(
                category=Category.BELIEFS,
                statement=message.text,
                quote=message.text,
                message_ids=(message.id,),
            )
            for message in chunk.messages
        ]
        return Extraction(tuple(found), usage=Usage(calls=1), unread=("c9",))

    async def reduce(self, facts: Any, budget_tokens: int) -> Any:
        raise AssertionError("not asked here")

    memory = sections = reduce

    async def close(self) -> None:
        return None


async def test_a_chunk_is_read_grounded_and_counted() -> None:
    chunk = chunk_of(said("m1", "I am Ana"), said("m2", "Hello Ana", role="assistant"))
    result = await extract(chunk, Reader())
    assert [fact.statement for fact in result.facts] == ["I am Ana"]
    assert result.dropped == {"not_the_person": 1}
    assert (result.status, result.usage.calls, result.unread) == (ChunkStatus.OK, 1, ("c9",))
    assert (result.chunk_id, result.index, result.content_hash) == (chunk.chunk_id, 0, "00")


async def test_a_chunk_without_the_persons_words_costs_no_call() -> None:
    reader = Reader()
    result = await extract(chunk_of(said("m1", "Hi", role="assistant")), reader)
    assert (reader.calls, result.status, result.facts) == (0, ChunkStatus.OK, ())


async def test_a_chunk_no_model_can_answer_is_dead_and_says_why() -> None:
    result = await extract(chunk_of(said("m1", "I am Ana")), Reader(failure=ModelError("refused")))
    assert (result.status, result.error, result.facts) == (ChunkStatus.DEAD, "refused", ())


async def test_other_errors_are_the_callers_to_retry() -> None:
    with pytest.raises(ConnectionError):
        await extract(chunk_of(said("m1", "I am Ana")), Reader(failure=ConnectionError()))


async def test_what_was_read_before_is_answered_without_a_call() -> None:
    chunk = chunk_of(said("m1", "I am Ana"), index=1)
    facts = (await extract(chunk, Reader())).facts
    known = CachedExtraction(facts=facts, dropped={"quote_not_found": 2}, unread=("c1",))
    result = recalled(chunk, known, Reader())
    assert (result.cached, result.facts, result.dropped) == (True, facts, {"quote_not_found": 2})
    assert (result.index, result.unread, result.usage) == (1, ("c1",), Usage())


@pytest.mark.parametrize(("own_words", "kept"), [(True, 1), (False, 0)])
async def test_what_is_recalled_is_grounded_as_it_was_when_it_was_read(own_words: bool, kept: int) -> None:
    """A model that looks at the person's own words alone is not looked after by others' eyes."""
    chunk = chunk_of(said("m1", 'My mother wrote: "I am Ana and I live in Porto."'))
    model = Reader(own_words=own_words)
    read = await extract(chunk, model)
    again = recalled(chunk, CachedExtraction(facts=read.facts), model)
    assert len(read.facts) == kept
    assert again.facts == read.facts


async def test_a_dead_chunk_tells_what_it_cost() -> None:
    spent = Usage(calls=3, input_tokens=70, cost=0.5)
    failure = ModelError("refused", usage=spent)
    result = await extract(chunk_of(said("m1", "I am Ana")), Reader(failure=failure))
    assert (result.status, result.usage) == (ChunkStatus.DEAD, spent)


async def test_of_a_chunk_that_could_be_read_in_part_the_grounded_facts_stay() -> None:
    chunk = chunk_of(said("m1", "I am Ana"), said("m2", "and this is unreadable"))
    good = Candidate(category=Category.BELIEFS, statement="Is Ana.", quote="I am Ana", message_ids=("m1",))
    bad = good.model_copy(update={"quote": "I am Nora"})
    spent = Usage(calls=5)
    failure = PartlyReadError("1 of 2 messages", Extraction((good, bad), spent))
    result = await extract(chunk, Reader(failure=failure))
    assert (result.status, result.error) == (ChunkStatus.DEAD, "1 of 2 messages")
    assert [fact.statement for fact in result.facts] == ["Is Ana."]
    assert (result.dropped, result.usage) == ({"quote_not_found": 1}, spent)


async def test_how_much_was_understood_is_kept_with_the_counts_and_refuses_nothing() -> None:
    chunk = chunk_of(said("m1", "I live in Porto. I'm a bit tired today."))
    result = await extract(chunk, OfflineModel())
    assert result.dropped == {ABOUT_SELF: 2, WITH_FACT: 1}
    again = recalled(chunk, CachedExtraction(facts=result.facts, dropped=result.dropped), OfflineModel())
    assert again.dropped == result.dropped
