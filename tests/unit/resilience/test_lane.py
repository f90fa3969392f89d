from __future__ import annotations

import asyncio
import time

from shared.resilience.backoff import Backoff
from shared.resilience.lane import FAULTS, Lane
from tests.support.waiting import until

QUICK = Backoff(base=0.001, cap=0.002)


async def test_nobody_enters_while_somebody_holds_and_the_last_hold_off_opens() -> None:
    lane = Lane()
    told: list[bool] = []
    lane.watch(told.append)
    assert await lane.enter() is False
    lane.hold("kafka", "down")
    lane.hold("database", "down")
    lane.hold("kafka", "down again")
    entering = asyncio.create_task(lane.enter())
    lane.release("kafka")
    lane.release("nobody")
    await asyncio.sleep(0)
    assert not entering.done()
    assert lane.holds["database"].reason == "down"
    lane.release("database")
    assert await entering is False
    assert told == [True, False]


async def test_without_a_probe_one_scout_at_a_time_tries_and_a_pass_opens_for_all() -> None:
    lane = Lane(backoff=QUICK)
    lane.trip("no credit")
    lane.trip("no credit")
    entering = [asyncio.create_task(lane.enter()) for _ in range(5)]
    for _ in range(3):
        (scout,), rest = await asyncio.wait(entering, return_when=asyncio.FIRST_COMPLETED)
        assert scout.result() is True
        assert lane.paused
        entering = [*rest, asyncio.create_task(lane.enter())]
        lane.report(False)
    (scout,), rest = await asyncio.wait(entering, return_when=asyncio.FIRST_COMPLETED)
    lane.report(True)
    assert not lane.paused
    assert [await task for task in rest] == [False] * 4


async def test_a_scout_that_could_not_try_gives_its_turn_back() -> None:
    lane = Lane(backoff=QUICK)
    lane.trip("no credit")
    assert await lane.enter() is True
    lane.report(None)
    assert await lane.enter() is True
    lane.report(True)
    assert await lane.enter() is False


async def test_a_probe_opens_the_lane_and_no_record_is_risked() -> None:
    trials = 0

    async def probe() -> None:
        nonlocal trials
        trials += 1
        if trials < 4:
            raise ConnectionError

    lane = Lane(backoff=QUICK, probe=probe)
    lane.trip("database down")
    assert await lane.enter() is False
    assert trials == 4
    await lane.close()
    await lane.close()


async def test_no_scout_while_another_holds() -> None:
    lane, other = Lane(backoff=QUICK), Lane(backoff=QUICK)
    lane.trip("no credit")
    lane.hold("kafka", "down")
    entering = asyncio.create_task(lane.enter())
    other.trip("no credit")
    assert await other.enter() is True
    assert not entering.done(), "nobody holds the other lane, whose scout is through"
    lane.release("kafka")
    assert await entering is True
    assert set(lane.holds) == {FAULTS}
    lane.report(True)


async def test_paused_time_is_counted() -> None:
    lane = Lane()
    assert lane.paused_seconds == 0.0
    lane.hold("kafka", "down")
    began = time.monotonic()
    await until(lambda: lane.paused_seconds > 0.005)
    assert lane.paused_seconds <= time.monotonic() - began + 0.001
    lane.release("kafka")
    after, released = lane.paused_seconds, time.monotonic()
    await until(lambda: time.monotonic() > released)
    assert lane.paused_seconds == after
