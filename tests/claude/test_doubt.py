"""A model that keeps to no schema: what it costs until the run ends, and that nothing is dead of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

import pytest

from services.extractor.extraction import extract
from shared.domain.errors import ModelError, ModelUnavailableError
from shared.domain.events import ChunkReady, ChunkStatus, Usage
from shared.models.claude.budget import Budget
from shared.models.claude.extraction import MOST_SPOILT
from shared.models.claude.model import ClaudeModel
from shared.resilience.backoff import Backoff
from tests.support.chunks import chunk_of, said
from tests.support.fake_claude.faults import FakeFault
from tests.support.fake_claude.fixtures import (
    fake_claude,
    found,
    markers_of,
    model_at,
    planted_chunk,
    served_usage,
    spent_usage,
)
from tests.support.fake_claude.replies import good_reply
from tests.support.fake_claude.server import FakeClaude
from tests.support.waiting import until

NEVER = ("broken_schema", "truncated_json", "prose", "tool_use", "pause_turn")


def full(index: int) -> ChunkReady:
    """A chunk of the usual size, of many messages."""
    words = "The rain went on and on in the hills. " * 17
    messages = [said(f"m{index}-{n}", f"My dog is called Zorvik-{1000 + n}. {words}") for n in range(24)]
    return chunk_of(*messages, index=index, content_hash=f"{index:032x}")


async def stopped(model: ClaudeModel, chunks: Sequence[ChunkReady]) -> set[str]:
    """Why all of them could not be read."""
    answers = await asyncio.gather(*map(model.extract, chunks), return_exceptions=True)
    assert {type(answer) for answer in answers} == {ModelUnavailableError}
    return {str(answer) for answer in answers}


async def cost_of_one() -> float:
    """Dollars of a chunk that is read."""
    async with fake_claude() as fake, model_at(fake) as model:
        return (await model.extract(full(1))).usage.cost or 0.0


def spoils(fake: FakeClaude, words: str, reply: str) -> None:
    """From now on prompts with these words get this reply."""
    fake.answers = lambda params, fault: (
        (reply, []) if words in str(params["messages"]) else good_reply(params, fault)
    )


@pytest.mark.parametrize("at_a_time", [1, 16])
@pytest.mark.parametrize("fault", NEVER)
async def test_a_model_that_never_keeps_to_the_schema_costs_no_more_than_three_chunks(
    fault: str, at_a_time: int
) -> None:
    async with (
        fake_claude(chances={fault: 1.0}, latency=0.01) as fake,
        model_at(fake, concurrency=at_a_time, patience=300.0, timeout=30.0) as model,
    ):
        (reason,) = await stopped(model, [full(index) for index in range(32)])
        assert "does not keep to the JSON schema: none of 4 replies" in reason
        assert "set SOULPRINT_CLAUDE_MODEL" in reason
        assert "\n" not in reason
        assert spent_usage(model.spent) == served_usage(fake)
        assert fake.accounts.requests == 4
        assert (model.spent.cost or 1.0) <= 3 * await cost_of_one()


@pytest.mark.parametrize(
    ("fault", "advice"), [("max_tokens", "MAX_TOKENS"), ("context_full", "longer context")]
)
async def test_nor_does_one_whose_replies_never_end(fault: str, advice: str) -> None:
    async with fake_claude(chances={fault: 1.0}) as fake, model_at(fake, patience=300.0) as model:
        (reason,) = await stopped(model, [full(index) for index in range(8)])
        assert advice in reason
        assert fake.accounts.requests == 4


async def test_one_that_turns_bad_costs_what_is_in_flight_a_repair_and_a_trial() -> None:
    async with (
        fake_claude(latency=0.02) as fake,
        model_at(fake, concurrency=8, patience=300.0, timeout=30.0) as model,
    ):
        await asyncio.gather(*(model.extract(full(index)) for index in range(8)))
        before = fake.accounts.requests
        fake.faults.chances = {FakeFault.PROSE: 1.0}
        await stopped(model, [full(100 + index) for index in range(8)])
        await stopped(model, [full(200 + index) for index in range(24)])
        assert fake.accounts.requests - before <= 8 + 1 + 2


async def test_a_chunk_that_spoils_its_replies_is_dead_and_others_are_read() -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        spoils(fake, "Zorvik-12", "Let me see.")
        results = [await extract(planted_chunk(index), model) for index in range(5)]
        assert [result.status for result in results].count(ChunkStatus.DEAD) == 1
        assert "set SOULPRINT_CLAUDE_MODEL" in (results[2].error or "")
        assert results[2].usage.calls == 4, "a question, its repair, a trial, and the question once more"
        assert found(results[4]) == markers_of(4)


async def test_one_that_only_answers_harmless_questions_is_found_out_too() -> None:
    async with fake_claude() as fake, model_at(fake, patience=300.0) as model:
        spoils(fake, "Zorvik", "Let me see.")
        for index in range(2):
            with pytest.raises(ModelError):
                await model.extract(planted_chunk(index))
        (reason,) = await stopped(model, [planted_chunk(index) for index in range(2, 9)])
        assert "none of 3 chunks in a row" in reason


async def test_a_chunk_costs_no_more_than_so_many_spoilt_replies() -> None:
    async with fake_claude() as fake, model_at(fake, patience=300.0) as model:
        spoils(fake, "Zorvik", '{"facts": 7}')
        with pytest.raises(ModelError, match="replies could not be read") as dead:
            await model.extract(full(1))
        assert dead.value.usage is not None
        assert dead.value.usage.calls <= MOST_SPOILT + 2


async def test_it_goes_on_by_itself_once_the_model_answers_well() -> None:
    quick = Backoff(0.01, 0.02, jitter=0.0)
    async with (
        fake_claude(chances={"prose": 1.0}) as fake,
        model_at(fake, trials=quick, patience=None, timeout=30.0) as model,
    ):
        work = [asyncio.create_task(extract(planted_chunk(index), model)) for index in range(6)]
        await until(lambda: "does not keep to the JSON schema" in model.state.trouble)
        await until(lambda: fake.accounts.requests > 8)
        assert not any(task.done() for task in work)
        fake.faults.chances = {}
        results = await asyncio.gather(*work)
        assert {result.status for result in results} == {ChunkStatus.OK}
        assert spent_usage(model.spent) == served_usage(fake)


async def test_who_leaves_while_it_is_asked_lets_the_next_one_ask() -> None:
    async with fake_claude(latency=30.0) as fake, model_at(fake, timeout=60.0) as model:
        first, second = (asyncio.create_task(extract(planted_chunk(index), model)) for index in range(2))
        await until(lambda: fake.accounts.in_flight == 1)
        fake.latency = 0.0
        first.cancel()
        assert found(await asyncio.wait_for(second, 20)) == markers_of(1)


async def test_nor_does_one_where_each_chunk_is_one_message() -> None:
    async with fake_claude(chances={"max_tokens": 1.0}) as fake, model_at(fake, patience=300.0) as model:
        await stopped(model, [planted_chunk(index, facts=1) for index in range(8)])
        assert fake.accounts.requests <= 4


async def test_a_context_that_is_full_for_one_message_alone_is_to_be_longer() -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        await model.extract(planted_chunk(1))
        fake.faults.script(["context_full", None, "context_full"])  # asked, a trial, asked again
        with pytest.raises(ModelError, match="give the model a longer context"):
            await model.extract(chunk_of(said("m1", "My dog is called Zorvik-1000.")))


async def test_a_repair_is_reckoned_with_the_reply_that_it_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    room = Budget.room

    def noted(budget: Budget, forecast: Usage) -> AbstractAsyncContextManager[None]:
        taken.append(forecast.input_tokens)
        return room(budget, forecast)

    monkeypatch.setattr(Budget, "room", noted)
    async with fake_claude() as fake, model_at(fake) as model:
        fake.faults.script(["prose"])
        await model.extract(planted_chunk(1))
        served = fake.told()
        asked, repaired = taken
        assert repaired > asked
        assert asked + repaired >= served["input_tokens"]
