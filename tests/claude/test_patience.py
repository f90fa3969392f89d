"""What heals is waited for as long as the person says, what does not is not. The times are scaled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from shared.domain.errors import ModelUnavailableError
from shared.models.claude.model import ClaudeModel
from shared.models.claude.options import RETRY, TRIALS, ClaudeOptions
from shared.resilience.backoff import Backoff
from tests.support.fake_claude.faults import FakeFault
from tests.support.fake_claude.fixtures import fake_claude, model_at, planted_chunk
from tests.support.fake_claude.server import FakeClaude
from tests.support.waiting import until

SCALE = 1 / 400
MINUTES = 60 * SCALE
TRIALS_OF_TEN_MINUTES = 24
"""After 1, 2, 4, 8 and 16 s, and then every 30."""


@asynccontextmanager
async def scaled(fake: FakeClaude, patience: float) -> AsyncIterator[ClaudeModel]:
    """A model with the times that it has as a rule, but for the scale."""
    backoff = replace(RETRY.backoff, base=RETRY.backoff.base * SCALE, cap=RETRY.backoff.cap * SCALE)
    trials = Backoff(TRIALS.base * SCALE, TRIALS.cap * SCALE, jitter=0.0)
    async with model_at(
        fake, retry=replace(RETRY, backoff=backoff), trials=trials, patience=patience, concurrency=3
    ) as model:
        yield model


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["overloaded", "server_error"])
async def test_ten_minutes_of_it_are_outlasted_by_who_has_the_patience(fault: str) -> None:
    async with fake_claude(chances={fault: 1.0}) as fake, scaled(fake, 30 * MINUTES) as model:
        work = [asyncio.create_task(model.extract(planted_chunk(index))) for index in range(5)]
        calls = RETRY.attempts  # a model that is new is asked one chunk at a time
        await until(lambda: fake.faults.happened[fault] >= 1)
        await until(lambda: (model.state.seconds_left or 0) > 0)
        await until(lambda: fake.faults.happened[fault] >= calls + TRIALS_OF_TEN_MINUTES)
        state = model.state
        assert state.seconds_left is not None
        assert 0 < state.seconds_left <= 21 * MINUTES
        assert "the provider" in state.trouble
        fake.faults.chances = {}
        assert all(answer.candidates for answer in await asyncio.gather(*work))
        assert (model.state.trouble, model.state.seconds_left) == ("", None)


async def test_and_not_by_default() -> None:
    patience = ClaudeOptions().patience
    assert patience == 300
    async with fake_claude(chances={"overloaded": 1.0}) as fake, scaled(fake, patience * SCALE) as model:
        with pytest.raises(ModelUnavailableError, match=r"overloaded \(529\)"):
            await model.extract(planted_chunk(1))
        assert model.state.seconds_left == 0


@pytest.mark.parametrize(
    "fault",
    [
        "unauthorized",
        "forbidden",
        "unknown_model",
        "no_credit",
        "spend_limit",
        "bad_request",
        "html",
        "stream",
    ],
)
async def test_what_only_the_person_can_mend_is_waited_for_no_longer_than_a_slip(fault: str) -> None:
    async with fake_claude(chances={fault: 1.0}) as fake, model_at(fake, patience=1800.0) as model:
        work = asyncio.create_task(model.extract(planted_chunk(1)))
        await until(lambda: bool(model.state.trouble))
        assert 0 < (model.state.seconds_left or 0) <= 1.5
        work.cancel()
        await asyncio.wait({work})


async def test_a_stream_of_events_is_called_what_it_is() -> None:
    async with fake_claude(chances={"stream": 1.0}) as fake, model_at(fake, patience=0.0) as model:
        with pytest.raises(ModelUnavailableError, match="answers with a stream of events"):
            await model.extract(planted_chunk(1))


async def test_when_patience_has_ended_nothing_is_waited_for_any_more() -> None:
    """Neither by calls that were to be tried again much later, nor until attempts are used up."""
    slow = replace(RETRY, backoff=Backoff(60.0, 60.0, jitter=0.0))
    async with (
        fake_claude() as fake,
        model_at(fake, retry=slow, patience=0.2) as model,
    ):
        await model.extract(planted_chunk(9))  # from then on several at a time are asked
        fake.faults.chances = {FakeFault.OVERLOADED: 1.0}
        work = [asyncio.create_task(model.extract(planted_chunk(index))) for index in range(2)]
        await until(lambda: fake.faults.happened["overloaded"] == 2)
        fake.faults.chances = {FakeFault.UNAUTHORIZED: 1.0}
        work.append(asyncio.create_task(model.extract(planted_chunk(2))))
        for answer in await asyncio.wait_for(asyncio.gather(*work, return_exceptions=True), 20):
            assert isinstance(answer, ModelUnavailableError)
