"""Every fault of a provider: whose it is, how often the call is tried, when the lane pauses and opens."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from services.extractor.extraction import extract
from shared.domain.errors import ModelError, ModelUnavailableError
from shared.domain.events import ChunkStatus, Usage
from shared.models.claude.attempts import LANE_TRIALS
from shared.models.claude.model import ClaudeModel
from shared.models.claude.options import RETRY
from shared.resilience.backoff import Backoff
from tests.support.fake_claude.faults import OF_THE_ISSUE, FakeFault
from tests.support.fake_claude.fixtures import (
    SENT,
    fake_claude,
    found,
    markers_of,
    model_at,
    planted_chunk,
    served_usage,
    spent_usage,
)
from tests.support.waiting import until

ONCE = Backoff(0.01, 0.01, jitter=0.0)


def pauses_of(model: ClaudeModel) -> list[bool]:
    """Grows by one whenever the lane pauses."""
    pauses: list[bool] = []
    model.lane.watch(lambda paused: pauses.append(paused) if paused else None)
    return pauses


async def test_a_request_that_is_refused_for_its_content_is_dead_once_that_is_sure() -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        fake.refused_while = "Zorvik-1101"
        with pytest.raises(ModelError, match="400"):
            await model.extract(planted_chunk(1))
        assert fake.accounts.requests == 4  # every second one says nothing of the chunk, and passes
        assert "Zorvik" not in fake.accounts.last["messages"][0]["content"]
        assert set(fake.accounts.last) == {*SENT}


@pytest.mark.parametrize("then", ["server_error", "rate_limit", "unauthorized"])
async def test_a_refusal_that_could_not_be_looked_into_is_no_verdict(then: str) -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        fake.faults.script(["bad_request", then])
        result = await extract(planted_chunk(1), model)
        assert found(result) == markers_of(1)
        assert spent_usage(result.usage) == served_usage(fake)


async def test_a_refusal_while_the_lane_is_paused_is_no_verdict_either() -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        fake.error_latency = 0.05
        fake.faults.script(["unauthorized", "bad_request"])
        results = await asyncio.gather(*(extract(planted_chunk(index), model) for index in range(2)))
        assert [found(result) for result in results] == [markers_of(0), markers_of(1)]
        assert fake.accounts.requests == 2 + 1 + 2  # one trial between the two attempts of each


async def test_parameters_that_are_refused_for_all_kill_no_chunk_and_work_goes_on_once_they_are_right() -> (
    None
):
    async with fake_claude(chances={"bad_request": 1.0}) as fake, model_at(fake) as model:
        work = [asyncio.create_task(extract(planted_chunk(index), model)) for index in range(8)]
        await until(lambda: fake.accounts.requests >= 20)
        assert "400" in model.state.trouble
        assert "SOULPRINT_CLAUDE_MODEL" in model.state.trouble
        fake.faults.chances = {}
        assert {result.status for result in await asyncio.gather(*work)} == {ChunkStatus.OK}


async def test_the_lane_opens_only_for_the_parameters_that_closed_it() -> None:
    """A trial of another shape would pass, and the calls behind it fail, until each chunk had died."""
    async with (
        fake_claude() as fake,
        model_at(fake, trials=Backoff(0.001, 0.002, jitter=0.0), patience=0.2) as model,
    ):
        pauses = pauses_of(model)
        fake.most_max_tokens = 100
        with pytest.raises(ModelUnavailableError, match="MODEL_MAX_TOKENS"):
            await model.extract(planted_chunk(1))
        assert len(pauses) == 1


async def test_calls_whose_reply_never_came_are_counted_as_such() -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        fake.faults.script(["hang", "drop", "cut", "server_error", "overloaded", "rate_limit"])
        usage = (await model.extract(planted_chunk(1))).usage
        assert (usage.calls, usage.unanswered) == (1, 3)
        assert spent_usage(usage) == served_usage(fake)
        assert model.state.outcomes == {
            "timeout": 1, "dropped": 2, "server_error": 1, "overloaded": 1, "rate_limited": 1, "ok": 1
        }  # fmt: skip
        fake.latency = 30.0
        cut_off = asyncio.create_task(model.extract(planted_chunk(2)))
        await until(lambda: fake.accounts.in_flight == 1)
        cut_off.cancel()
        await asyncio.wait({cut_off})
        assert model.spent.unanswered == 4


async def test_a_provider_that_cannot_be_reached_owes_nothing() -> None:
    async with fake_claude() as fake, model_at(fake, patience=0.1) as model:
        await fake.stop()
        with pytest.raises(ModelUnavailableError, match="is ANTHROPIC_BASE_URL right"):
            await model.extract(planted_chunk(1))
        assert model.spent == Usage()
        assert set(model.state.outcomes) == {"unreachable"}
        assert "cannot reach" in model.state.trouble


async def test_a_chunk_that_always_breaks_its_call_dies_and_others_live() -> None:
    async with fake_claude() as fake, model_at(fake) as model:
        fake.dead_while = "Zorvik-1200"
        results = await asyncio.gather(*(extract(planted_chunk(index), model) for index in range(5)))
        assert [result.status for result in results].count(ChunkStatus.DEAD) == 1
        assert results[2].status is ChunkStatus.DEAD
        assert results[2].error is not None
        alone = await extract(planted_chunk(2), model)
        assert alone.status is ChunkStatus.DEAD


async def test_a_chunk_is_given_up_at_its_deadline_if_others_pass() -> None:
    hurried = replace(RETRY, backoff=Backoff(0.02, 0.02), attempts=1_000_000, deadline=0.5)
    async with fake_claude() as fake, model_at(fake, retry=hurried) as model:
        fake.dead_while = "Zorvik-1200"
        late = asyncio.create_task(model.extract(planted_chunk(2)))
        while not late.done():
            await model.extract(planted_chunk(1))
        with pytest.raises(ModelError, match=r"gave up after \d+ attempts: the provider answered 500"):
            await late


async def test_a_chunk_that_meets_a_lane_fault_whenever_a_trial_passes_is_itself_the_trouble() -> None:
    async with fake_claude() as fake, model_at(fake, trials=ONCE) as model:
        pauses = pauses_of(model)
        fake.faults.script(["forbidden", None] * LANE_TRIALS + ["forbidden"])
        with pytest.raises(ModelError, match=r"this call alone fails again and again: .* \(403\)"):
            await model.extract(planted_chunk(1))
        assert len(pauses) == LANE_TRIALS
        assert not model.lane.paused
        assert (await extract(planted_chunk(1), model)).status is ChunkStatus.OK


@pytest.mark.slow
async def test_with_five_percent_of_every_fault_nothing_offered_is_lost_unsaid() -> None:
    chances = dict.fromkeys(OF_THE_ISSUE, 0.05)
    async with (
        fake_claude(chances=chances, seed=7, retry_after=0.01) as fake,
        model_at(fake, concurrency=10) as model,
    ):
        chunks = [planted_chunk(index) for index in range(120)]
        results = await asyncio.gather(*(extract(chunk, model) for chunk in chunks))
        for index, result in enumerate(results):
            if result.status is ChunkStatus.OK:
                assert found(result) == markers_of(index)
            else:
                assert result.error
        assert set(fake.faults.happened) == set(OF_THE_ISSUE)
        refused = fake.faults.happened["refusal"]
        assert [result.status for result in results].count(ChunkStatus.DEAD) <= refused
        assert spent_usage(model.spent) == served_usage(fake)


async def test_with_lane_faults_strewn_in_no_chunk_dies() -> None:
    chances = dict.fromkeys(("unauthorized", "forbidden", "no_credit", "html", "spend_limit"), 0.05)
    async with fake_claude(chances=chances, seed=3) as fake, model_at(fake, concurrency=4) as model:
        pauses = pauses_of(model)
        results = await asyncio.gather(*(extract(planted_chunk(index), model) for index in range(40)))
        assert {result.status for result in results} == {ChunkStatus.OK}
        assert len(pauses) > 3
        assert spent_usage(model.spent) == served_usage(fake)


async def test_a_provider_that_is_down_for_a_while_kills_nothing() -> None:
    async with fake_claude(latency=0.01) as fake, model_at(fake, concurrency=4) as model:
        work = [asyncio.create_task(extract(planted_chunk(index), model)) for index in range(60)]
        await until(lambda: fake.accounts.served["calls"] >= 8)
        port = fake.port
        await fake.stop()
        await until(lambda: model.lane.paused)
        await fake.start(port)
        results = await asyncio.gather(*work)
        assert {result.status for result in results} == {ChunkStatus.OK}
        assert all(found(result) == markers_of(index) for index, result in enumerate(results))


async def test_a_provider_that_stays_down_ends_the_run_with_the_reason() -> None:
    async with fake_claude() as fake, model_at(fake, patience=0.1) as model:
        await fake.stop()
        with pytest.raises(ModelUnavailableError, match="cannot reach"):
            await model.extract(planted_chunk(1))


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("unauthorized", "ANTHROPIC_API_KEY"),
        ("no_credit", "credit"),
        ("unknown_model", "SOULPRINT_CLAUDE_MODEL"),
        ("html", "ANTHROPIC_BASE_URL"),
    ],
)
async def test_a_wrong_set_up_says_what_to_set(fault: str, told: str) -> None:
    async with fake_claude(chances={fault: 1.0}) as fake, model_at(fake, patience=0.1) as model:
        with pytest.raises(ModelUnavailableError, match=told):
            await model.extract(planted_chunk(1))


async def test_a_failing_server_is_given_the_time_it_asks_for_up_to_the_cap() -> None:
    loop = asyncio.get_running_loop()
    async with fake_claude(retry_after=30.0) as fake, model_at(fake, retry_after_cap=0.2) as model:
        fake.told_to_wait = {FakeFault.SERVER_ERROR}
        fake.faults.script(["server_error"])
        began = loop.time()
        await model.extract(planted_chunk(1))
        assert 0.2 <= loop.time() - began < 30.0


async def test_a_trial_that_is_cancelled_is_made_by_the_next_call() -> None:
    async with fake_claude() as fake, model_at(fake, timeout=30.0) as model:
        fake.faults.script(["unauthorized", "hang"])
        first = asyncio.create_task(model.extract(planted_chunk(1)))
        await until(lambda: fake.faults.happened["hang"] == 1)
        second = asyncio.create_task(extract(planted_chunk(2), model))
        first.cancel()
        assert found(await asyncio.wait_for(second, 20)) == markers_of(2)


async def test_whether_the_provider_answers_is_asked_of_it_only_after_a_fault() -> None:
    async with fake_claude() as fake, model_at(fake, trials=ONCE, patience=0.0) as model:
        await model.answers()
        assert fake.accounts.requests == 0
        fake.faults.chances = {FakeFault.NO_CREDIT: 1.0}
        with pytest.raises(ModelUnavailableError):
            await model.extract(planted_chunk(1))
        await asyncio.sleep(0.02)
        with pytest.raises(ModelUnavailableError, match="credit"):
            await model.answers()
        fake.faults.chances = {}
        await asyncio.sleep(0.02)
        await model.answers()
        assert fake.accounts.requests == 3
        assert spent_usage(model.spent) == served_usage(fake)


async def test_slowing_down_halves_and_grows_again() -> None:
    async with fake_claude(latency=0.005) as fake, model_at(fake, concurrency=8) as model:
        fake.faults.script(["overloaded"])
        await asyncio.gather(*(extract(planted_chunk(index), model) for index in range(4)))
        assert model.state.limit == 5
        await asyncio.gather(*(extract(planted_chunk(index), model) for index in range(60)))
        assert model.state.limit == 8


async def test_an_attempt_that_came_to_nothing_is_told_by_the_next() -> None:
    async with fake_claude() as fake, model_at(fake, trials=ONCE, patience=0.0) as model:
        fake.faults.script(["truncated_json", "unauthorized"])
        chunk = planted_chunk(1)
        with pytest.raises(ModelUnavailableError):
            await model.extract(chunk)
        await asyncio.sleep(0.02)
        result = await model.extract(chunk)
        assert spent_usage(result.usage) == served_usage(fake)
