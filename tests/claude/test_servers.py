"""Servers that speak the API in part: parameters that they refuse, and what they say of it."""

from __future__ import annotations

import asyncio

import pytest

from services.extractor.extraction import extract
from shared.domain.errors import ModelUnavailableError
from tests.support.fake_claude.fixtures import (
    fake_claude,
    found,
    markers_of,
    model_at,
    planted_chunk,
    served_usage,
    spent_usage,
)


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("refused", [{"output_config"}, {"thinking"}, {"output_config", "thinking"}])
async def test_what_a_server_does_not_know_is_left_out_from_then_on(refused: set[str], status: int) -> None:
    async with fake_claude() as fake, model_at(fake, concurrency=4) as model:
        fake.refuses, fake.refuses_with = refused, status
        assert found(await extract(planted_chunk(0), model)) == markers_of(0)
        learned = fake.accounts.requests
        assert learned == 3 + len(refused), "the chunk, a trial, one for each less, the chunk again"
        results = await asyncio.gather(*(extract(planted_chunk(index), model) for index in range(1, 9)))
        assert [found(result) for result in results] == [markers_of(index) for index in range(1, 9)]
        assert fake.accounts.requests == learned + 8
        assert not refused & fake.accounts.last.keys()
        assert spent_usage(model.spent) == served_usage(fake)


async def test_many_at_a_time_find_out_together() -> None:
    async with fake_claude(latency=0.01) as fake, model_at(fake, concurrency=8, timeout=30.0) as model:
        await asyncio.gather(*(extract(planted_chunk(index), model) for index in range(8)))
        fake.refuses = {"output_config"}
        results = await asyncio.gather(*(extract(planted_chunk(index), model) for index in range(8)))
        assert [found(result) for result in results] == [markers_of(index) for index in range(8)]


async def test_what_a_server_says_to_a_harmless_trial_is_told_and_nothing_else_of_it() -> None:
    async with fake_claude() as fake, model_at(fake, patience=0.1) as model:
        fake.refuses = {"max_tokens"}
        with pytest.raises(ModelUnavailableError) as refused:
            await model.extract(planted_chunk(1))
        assert "it says: max_tokens: Extra inputs are not permitted" in str(refused.value)


async def test_a_servers_words_are_bounded_printable_and_without_the_key() -> None:
    async with fake_claude() as fake, model_at(fake, patience=0.1) as model:
        fake.refuses = {"max_tokens"}
        fake.says = "no \x1b[31m test-key\n\u202e" + "x" * 5000
        with pytest.raises(ModelUnavailableError) as refused:
            await model.extract(planted_chunk(1))
        told = str(refused.value)
        assert "it says: no \ufffd[31m *** \ufffdxxx" in told
        assert len(told) < 600


async def test_what_a_server_says_to_a_chunk_is_never_told() -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        fake.refused_while = "Zorvik-1101"
        result = await extract(planted_chunk(1), model)
        assert "400" in (result.error or "")
        assert "something in here" not in (result.error or "")
