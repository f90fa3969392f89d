"""What calls may take: a range that holds for any chunk, with what a model thinks in it."""

from __future__ import annotations

import pytest

from shared.domain.events import ChunkReady, Usage
from shared.models.base import Findings, Outlook
from shared.models.claude.model import ClaudeModel
from shared.models.claude.options import ClaudeOptions
from shared.models.writer.writer import DeterministicWriter
from tests.support.chunks import chunk_of, said

CHUNKS = {
    "a word": chunk_of(said("p", "Hi.")),
    "many words": chunk_of(*(said(f"p{n}", "I like tea.") for n in range(300))),
    "a wall of text": chunk_of(said("p", "I like tea. " * 20_000)),
    "not English": chunk_of(said("p", "我喜欢喝茶。" * 2000)),
    "nothing": chunk_of(said("p", "")),
}
BUDGET = 6000


async def outlook_of(chunk: ChunkReady, model_name: str, **more: int) -> tuple[Outlook, Outlook]:
    """Of reading a chunk, and of the writing after it."""
    model = ClaudeModel(ClaudeOptions(model=model_name, api_key="test-key", **more), DeterministicWriter())
    try:
        return model.outlook(chunk), model.outlook_writing(model.findings(chunk), BUDGET)
    finally:
        await model.close()


def costs(usages: Outlook) -> list[float]:
    return [each.cost or 0.0 for each in (usages.least, usages.likely, usages.most)]


@pytest.mark.parametrize("model", ["claude-haiku-5-5", "claude-sonnet-5-5", "claude-haiku-4-5"])
@pytest.mark.parametrize("chunk", CHUNKS.values(), ids=CHUNKS)
async def test_what_is_likely_lies_between_the_least_and_the_most(chunk: ChunkReady, model: str) -> None:
    for usages in await outlook_of(chunk, model):
        assert costs(usages) == sorted(costs(usages))
        for kind in ("calls", "output_tokens"):
            told = [getattr(each, kind) for each in (usages.least, usages.likely, usages.most)]
            assert told == sorted(told), kind
        assert usages.most.output_tokens <= 8192 * usages.most.calls


async def test_what_a_model_thinks_is_reckoned_in_and_has_no_more_room_than_a_reply() -> None:
    chunk = CHUNKS["a word"]
    told, _ = await outlook_of(chunk, "claude-haiku-5-5")
    thought, writing = await outlook_of(chunk, "claude-sonnet-5-5")
    assert thought.likely.output_tokens == told.likely.output_tokens + 200
    assert thought.most.output_tokens == told.most.output_tokens + 1000
    assert writing.likely.output_tokens >= 200
    short, _ = await outlook_of(chunk, "claude-sonnet-5-5", max_tokens=256)
    assert short.most.output_tokens == 256


async def test_of_a_model_without_a_price_the_tokens_are_told() -> None:
    unknown, _ = await outlook_of(CHUNKS["a word"], "qwen3")
    assert unknown.most.output_tokens >= 1000  # it may think: nobody told it not to
    assert (unknown.least.cost, unknown.likely.cost, unknown.most.cost) == (None, None, None)


async def test_a_chunk_without_the_persons_words_takes_nothing() -> None:
    chunk = chunk_of(said("a", "A good thought.", role="assistant"))
    reading, _ = await outlook_of(chunk, "claude-haiku-5-5")
    assert reading == Outlook(Usage(), Usage(), Usage())
    assert Findings() + Findings(1.0, 2) == Findings(1.0, 2)
