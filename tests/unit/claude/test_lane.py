"""A paused lane: who waits, who probes, when it opens, when patience ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from shared.domain.errors import ModelUnavailableError
from shared.models.claude.lane import ModelLane
from shared.models.claude.options import LanePolicy
from tests.support.waiting import until

QUICK = LanePolicy(first_probe=0.01, probe_cap=0.04, patience=5.0)


class Provider:
    """Down for so many probes."""

    def __init__(self, down_for: int) -> None:
        self.down_for = down_for
        self.probes = 0
        self.at_a_time = 0

    async def probe(self) -> str | None:
        self.at_a_time += 1
        assert self.at_a_time == 1
        await asyncio.sleep(0)
        self.at_a_time -= 1
        self.probes += 1
        return "still down" if self.probes <= self.down_for else None


async def test_an_open_lane_is_entered_without_a_probe() -> None:
    provider = Provider(0)
    await ModelLane(QUICK).enter(provider.probe)
    assert provider.probes == 0


async def test_all_wait_while_one_probes_and_then_all_go_on() -> None:
    lane, provider = ModelLane(QUICK), Provider(2)
    lane.trip("no credit")
    lane.trip("no credit")
    assert lane.state.paused
    assert lane.state.pauses == 1
    await asyncio.gather(*(lane.enter(provider.probe) for _ in range(10)))
    assert provider.probes == 3
    assert not lane.state.paused
    assert lane.paused_seconds > 0


async def test_patience_ends_with_the_reason() -> None:
    lane, provider = ModelLane(LanePolicy(first_probe=0.01, patience=0.05)), Provider(10_000)
    lane.trip("the API key is refused")
    results = await asyncio.gather(*(lane.enter(provider.probe) for _ in range(4)), return_exceptions=True)
    assert all(isinstance(each, ModelUnavailableError) for each in results)
    assert "still down" in str(results[0])


async def test_a_lane_that_opens_and_closes_at_once_uses_its_patience_up() -> None:
    lane, provider = ModelLane(LanePolicy(first_probe=0.01, probe_cap=0.01, patience=0.05)), Provider(0)

    async def flap() -> None:
        for _ in range(1000):
            lane.trip("flapping")
            await lane.enter(provider.probe)

    with pytest.raises(ModelUnavailableError):
        await flap()


async def test_a_call_that_gets_through_renews_patience() -> None:
    lane, provider = ModelLane(LanePolicy(first_probe=0.01, probe_cap=0.01, patience=0.05)), Provider(0)
    for _ in range(10):
        lane.trip("now and then")
        await lane.enter(provider.probe)
        lane.succeeded()


async def test_without_patience_the_caller_waits_and_its_next_try_probes() -> None:
    lane, provider = ModelLane(LanePolicy(first_probe=0.01, patience=0.0)), Provider(0)
    lane.trip("down")
    with pytest.raises(ModelUnavailableError):
        await lane.enter(provider.probe)
    assert provider.probes == 0

    async def lets_in() -> bool:
        """the time of the first probe comes"""
        with suppress(ModelUnavailableError):
            await lane.enter(provider.probe)
            return True
        return False

    await until(lets_in)
    assert provider.probes == 1


async def test_a_call_in_flight_that_succeeds_opens_the_lane() -> None:
    lane = ModelLane(QUICK)
    lane.trip("one bad answer")
    lane.succeeded()
    assert not lane.state.paused


async def test_a_prober_that_is_cancelled_hands_the_turn_on() -> None:
    lane, provider = ModelLane(QUICK), Provider(1)
    lane.trip("down")
    first = asyncio.create_task(lane.enter(provider.probe))
    second = asyncio.create_task(lane.enter(provider.probe))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait_for(second, 2)
    assert not lane.state.paused
