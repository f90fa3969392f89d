"""A lane whose scouts make a small call before their work: who waits, who tries, when patience ends."""

from __future__ import annotations

import asyncio

import pytest

from shared.resilience.backoff import Backoff
from shared.resilience.faults import LaneError
from shared.resilience.lane import Lane

QUICK = Backoff(base=0.01, cap=0.04, jitter=0.0)
STEADY = Backoff(base=0.01, cap=0.01, jitter=0.0)


class Provider:
    """Down for so many trials."""

    def __init__(self, down_for: int, backoff: Backoff = QUICK) -> None:
        self.lane = Lane(backoff=backoff)
        self.down_for = down_for
        self.trials = 0
        self.at_a_time = 0

    async def enter(self, patience: float = 5.0) -> None:
        """Returns when work may be done."""
        while await self.lane.enter(patience):
            try:
                passed = await self._answers()
            except asyncio.CancelledError:
                self.lane.report(None)
                raise
            if passed:
                self.lane.reopen()
            else:
                self.lane.report(False, "still down")

    async def _answers(self) -> bool:
        self.at_a_time += 1
        assert self.at_a_time == 1
        await asyncio.sleep(0)
        self.at_a_time -= 1
        self.trials += 1
        return self.trials > self.down_for


async def test_an_open_lane_is_entered_without_a_trial() -> None:
    provider = Provider(0)
    await provider.enter()
    assert provider.trials == 0


async def test_all_wait_while_one_tries_and_then_all_go_on() -> None:
    provider = Provider(2)
    lane, told = provider.lane, list[bool]()
    lane.watch(told.append)
    lane.trip("no credit")
    lane.trip("no key")
    assert lane.paused
    assert lane.trouble == "no key"
    await asyncio.gather(*(provider.enter() for _ in range(10)))
    assert provider.trials == 3
    assert told == [True, False]
    assert lane.trouble == ""
    assert lane.paused_seconds >= 0.01 + 0.02 + 0.04


async def test_patience_ends_with_the_reason() -> None:
    provider = Provider(10_000)
    provider.lane.trip("the API key is refused")
    results = await asyncio.gather(*(provider.enter(0.05) for _ in range(4)), return_exceptions=True)
    assert all(isinstance(each, LaneError) for each in results)
    assert "still down" in str(results[0])


async def test_a_lane_that_opens_and_closes_at_once_uses_its_patience_up() -> None:
    provider = Provider(0, STEADY)

    async def flap() -> None:
        for _ in range(1000):
            provider.lane.trip("flapping")
            await provider.enter(0.05)

    with pytest.raises(LaneError, match="flapping"):
        await flap()


async def test_and_each_trial_comes_later_than_the_one_before() -> None:
    provider = Provider(0)
    began, waits = 0.0, []
    for _ in range(4):
        provider.lane.trip("flapping")
        await provider.enter()
        waits.append(provider.lane.paused_seconds - began)
        began = provider.lane.paused_seconds
    assert all(wait >= least for wait, least in zip(waits, (0.01, 0.02, 0.04, 0.04), strict=True))


async def test_work_that_gets_through_renews_patience() -> None:
    provider = Provider(0, STEADY)
    for _ in range(10):
        provider.lane.trip("now and then")
        await provider.enter(0.05)
        provider.lane.succeeded()


async def test_without_patience_the_caller_waits_and_its_next_try_is_the_trial() -> None:
    provider = Provider(0, STEADY)
    provider.lane.trip("down")
    with pytest.raises(LaneError):
        await provider.enter(0.0)
    assert provider.trials == 0
    await asyncio.sleep(0.02)
    await provider.enter(0.0)
    assert provider.trials == 1


async def test_while_one_tries_the_others_wait_whatever_their_patience() -> None:
    """Calls that belong together end together: if one gave up at once, it would end the trial as well."""
    for down_for, passed in ((0, True), (1, False)):
        provider = Provider(down_for, STEADY)
        provider.lane.trip("down")
        await asyncio.sleep(0.02)
        results = await asyncio.gather(*(provider.enter(0.0) for _ in range(5)), return_exceptions=True)
        assert provider.trials == 1
        assert [result is None for result in results] == [passed] * 5


async def test_work_in_flight_that_succeeds_opens_the_lane_and_calls_the_trial_off() -> None:
    provider = Provider(10_000)
    provider.lane.trip("one bad answer")
    provider.lane.succeeded()
    assert not provider.lane.paused
    provider.lane.hold("kafka", "down")
    await asyncio.sleep(0.02)
    entering = asyncio.create_task(provider.enter())
    provider.lane.release("kafka")
    await asyncio.wait_for(entering, 2)
    assert provider.trials == 0


async def test_a_trial_that_fails_after_work_got_through_closes_nothing() -> None:
    lane = Lane(backoff=STEADY)
    lane.trip("down")
    assert await lane.enter() is True
    lane.succeeded()
    lane.report(False, "still down")
    assert await lane.enter() is False


async def test_a_scout_that_is_cancelled_hands_the_turn_on() -> None:
    provider = Provider(1)
    provider.lane.trip("down")
    first, second = (asyncio.create_task(provider.enter()) for _ in range(2))
    await asyncio.sleep(0.015)
    first.cancel()
    await asyncio.wait_for(second, 2)
    assert not provider.lane.paused
    assert provider.trials == 2


async def test_who_waits_in_vain_takes_nobodys_turn() -> None:
    provider = Provider(0)
    provider.lane.trip("down")
    waiting = [asyncio.create_task(provider.enter(patience)) for patience in (0.0, 0.005, 5.0)]
    first, second, last = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(first, LaneError)
    assert isinstance(second, LaneError)
    assert last is None
    assert provider.trials == 1
