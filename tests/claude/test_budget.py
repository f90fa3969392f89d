"""The limit on cost: used to the last call that fits, never passed, counted at the worst where nothing came
back."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from shared.domain.errors import CostLimitError, ModelUnavailableError
from shared.domain.events import ChunkReady, Usage
from shared.models.claude.model import ClaudeModel
from tests.support.chunks import chunk_of, said
from tests.support.fake_claude.faults import FakeFault
from tests.support.fake_claude.fixtures import (
    fake_claude,
    model_at,
    planted_chunk,
    served_usage,
    spent_usage,
)
from tests.support.fake_claude.replies import good_reply

WORST = 0.0048
"""Dollars of a full chunk whose reply is as long as it may be."""


def full(index: int) -> ChunkReady:
    """A chunk of the usual size."""
    text = f"My dog is called Zorvik-{1000 + index}. " + "The rain went on and on in the hills. " * 400
    return chunk_of(said(f"p{index}", text), index=index, content_hash=f"{index:032x}")


async def bought(model: ClaudeModel, chunks: Sequence[ChunkReady]) -> list[BaseException]:
    """What stopped the chunks that were not read."""
    answers = await asyncio.gather(*map(model.extract, chunks), return_exceptions=True)
    return [answer for answer in answers if isinstance(answer, BaseException)]


@pytest.mark.parametrize(("limit", "at_a_time"), [(0.05, 16), (0.02, 3)])
async def test_a_limit_is_used_but_for_less_than_a_call_and_never_passed(
    limit: float, at_a_time: int
) -> None:
    async with (
        fake_claude(latency=0.005, jitter=0.9) as fake,
        model_at(fake, max_cost=limit, concurrency=at_a_time, timeout=30.0) as model,
    ):
        stopped = await bought(model, [full(index) for index in range(150)])
        assert {type(error) for error in stopped} == {CostLimitError}
        cost = model.spent.cost
        assert cost is not None
        assert limit - WORST <= cost <= limit
        assert spent_usage(model.spent) == served_usage(fake)
        assert f"limit of ${limit:g}: ${cost:.4f}".rstrip("0") in str(stopped[0])
        assert "set aside" not in str(stopped[0]), "nothing is under way any more"


async def test_replies_as_long_as_they_may_be_do_not_pass_it_either() -> None:
    async with (
        fake_claude(latency=0.005) as fake,
        model_at(fake, max_cost=0.05, concurrency=16, timeout=30.0) as model,
    ):
        await model.extract(full(99))  # else the model is found out after two calls

        def overlong(params: dict[str, Any], fault: FakeFault | None) -> tuple[str, list[str]]:
            """To chunks, not to harmless questions."""
            text, markers = good_reply(params, fault)
            return text + " " * 40_000 * ("Zorvik" in str(params["messages"])), markers

        fake.answers = overlong
        await bought(model, [full(index) for index in range(40)])
        assert model.spent.output_tokens >= 8 * model.options.max_tokens
        assert 0.05 - 2 * WORST <= (model.spent.cost or 0.0) <= 0.05


@pytest.mark.parametrize("fault", ["hang", "drop", "cut"])
async def test_calls_without_an_answer_count_at_their_worst(fault: str) -> None:
    async with (
        fake_claude(chances={fault: 1.0}) as fake,
        model_at(fake, max_cost=0.02, timeout=0.05, patience=600.0) as model,
    ):
        stopped = await bought(model, [full(index) for index in range(12)])
        assert {type(error) for error in stopped} == {CostLimitError}
        assert fake.accounts.requests == model.spent.unanswered == 4  # of $0.0048 at worst
        assert model.spent.cost == 0.0
        assert "limit of $0.02: $0 is billed, $0.018" in str(stopped[0])
        assert "more may be, for 4 calls without an answer" in str(stopped[0])


async def test_what_earlier_commands_may_have_been_billed_counts_too() -> None:
    async with fake_claude() as fake, model_at(fake, max_cost=0.02) as model:
        model.count_in(Usage(calls=3, cost=0.001, unanswered=4))
        (stopped,) = await bought(model, [full(1)])
        assert "$0.001 is billed, $0.0" in str(stopped)
        assert fake.accounts.requests == 0
        model.count_in(Usage(calls=30, cost=None))  # of a server that did not say
        (stopped,) = await bought(model, [full(1)])
        assert fake.accounts.requests == 0


async def test_a_server_that_does_not_say_what_calls_take_is_held_to_the_limit_by_forecast() -> None:
    async with fake_claude() as fake, model_at(fake, max_cost=0.01) as model:
        fake.tells_usage = False
        stopped = await bought(model, [full(index) for index in range(60)])
        assert {type(error) for error in stopped} == {CostLimitError}
        spent = model.spent
        assert (spent.cost, spent.input_tokens) == (None, 0)
        assert 6 <= spent.calls == fake.accounts.served["calls"] < 40


async def test_without_a_limit_what_a_server_does_not_say_is_not_known() -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        fake.tells_usage = False
        assert (await model.extract(planted_chunk(1))).usage.cost is None
        fake.tells_usage = True
        assert (await model.extract(planted_chunk(2))).usage.cost
        assert model.spent.cost is None


async def test_trials_have_room_of_their_own() -> None:
    """They are small, but a server may answer anything."""
    async with (
        fake_claude(chances={"bad_request": 1.0}) as fake,
        model_at(fake, max_cost=WORST, patience=0.2) as model,
    ):
        (stopped,) = await bought(model, [full(1)])
        assert isinstance(stopped, ModelUnavailableError)
        assert fake.accounts.requests >= 3
