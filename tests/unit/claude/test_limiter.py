"""Concurrency halves and grows by the rule; tokens a minute are kept."""

from __future__ import annotations

import asyncio

import pytest

from shared.models.claude.limiter import Concurrency, TokenRate


async def test_never_more_than_the_limit_are_in_flight() -> None:
    concurrency = Concurrency(3)
    most = 0

    async def work() -> None:
        nonlocal most
        async with concurrency.slot():
            most = max(most, concurrency.in_flight)
            await asyncio.sleep(0)

    await asyncio.gather(*(work() for _ in range(20)))
    assert (most, concurrency.in_flight) == (3, 0)


async def test_slowing_down_halves_once_for_all_that_was_in_flight() -> None:
    concurrency = Concurrency(8)
    now = asyncio.get_running_loop().time()
    for _ in range(5):
        concurrency.slow_down(now, None)
    assert concurrency.limit == 4
    concurrency.slow_down(asyncio.get_running_loop().time() + 1, None)
    assert concurrency.limit == 2


async def test_the_limit_never_falls_below_one() -> None:
    concurrency = Concurrency(2)
    for later in range(5):
        concurrency.slow_down(asyncio.get_running_loop().time() + later + 1, None)
    assert concurrency.limit == 1


async def test_a_window_of_successes_raises_it_by_one_up_to_the_ceiling() -> None:
    concurrency = Concurrency(4)
    concurrency.slow_down(asyncio.get_running_loop().time() + 1, None)
    limits = []
    for _ in range(2 + 3 + 4):
        concurrency.succeeded()
        limits.append(concurrency.limit)
    assert limits == [2, 3, 3, 3, 4, 4, 4, 4, 4]


async def test_a_server_that_asks_to_wait_is_obeyed_by_all() -> None:
    concurrency = Concurrency(2)
    loop = asyncio.get_running_loop()
    concurrency.slow_down(loop.time(), 0.05)
    until = loop.time() + 0.049
    async with concurrency.slot() as sent_at:
        assert sent_at >= until


async def test_who_is_cancelled_while_waiting_leaves_no_hole() -> None:
    concurrency = Concurrency(1)
    held = asyncio.Event()

    async def work() -> None:
        async with concurrency.slot():
            await held.wait()

    first, second, third = (asyncio.create_task(work()) for _ in range(3))
    await asyncio.sleep(0)
    second.cancel()
    held.set()
    await asyncio.wait((first, second, third))
    assert second.cancelled()
    assert not third.cancelled()
    assert concurrency.in_flight == 0
    async with concurrency.slot():
        pass


async def test_who_is_cancelled_at_the_moment_it_is_let_in_gives_the_slot_back() -> None:
    concurrency = Concurrency(1)
    async with concurrency.slot():
        task = asyncio.create_task(concurrency.slot().__aenter__())
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,))
    assert concurrency.in_flight == 0


def test_a_ceiling_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Concurrency(0)


async def test_tokens_beyond_the_rate_wait_for_the_bucket_to_fill() -> None:
    rate = TokenRate(60_000)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await rate.take(60_000)
    await rate.take(50)
    assert loop.time() - began >= 0.05


async def test_what_was_not_used_is_given_back() -> None:
    rate = TokenRate(600)
    for _ in range(50):
        await asyncio.wait_for(rate.take(600), 1)
        rate.settle(600, 0)


async def test_a_call_larger_than_a_minute_goes_when_the_bucket_is_full() -> None:
    await asyncio.wait_for(TokenRate(10).take(1_000_000), 1)


async def test_without_a_rate_nothing_waits() -> None:
    rate = TokenRate(None)
    for _ in range(1000):
        await rate.take(1_000_000)
