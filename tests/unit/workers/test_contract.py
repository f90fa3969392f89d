"""What both ways of doing a task keep to: a process of its own, and a thread."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.domain.errors import SoulprintError
from shared.workers.threads import Threads
from shared.workers.workers import WorkerError, WorkerPolicy, Workers
from tests.support.waiting import until

TASKS = "tests.support.worker_tasks"
POLICY = WorkerPolicy()


def nowhere(value: Any) -> None:
    """Nobody looks how far it is."""


@pytest.fixture(params=["process", "thread"])
async def workers(request: pytest.FixtureRequest) -> AsyncIterator[Workers | Threads]:
    async with Workers(TASKS) if request.param == "process" else Threads() as opened:
        yield opened


async def done(
    workers: Workers | Threads, policy: WorkerPolicy = POLICY, **argument: Any
) -> tuple[list[Any], Any]:
    """The values of a task, and its answer."""
    async with workers.task(TASKS, argument, policy, nowhere) as answers:
        return [value async for value in answers.values()], answers.answer


async def test_values_come_in_order_and_the_answer_last(workers: Workers | Threads) -> None:
    values, answer = await done(workers, what="counts", upto=500, size=1000)
    assert [n for n, _ in values] == list(range(500))
    assert answer == {"counted": 500}
    assert await done(workers, what="counts", upto=0) == ([], {"counted": 0})


async def test_an_error_of_ours_keeps_its_words(workers: Workers | Threads) -> None:
    with pytest.raises(SoulprintError, match="it is no export"):
        await done(workers, what="refuses")


async def test_of_another_error_no_word_is_told() -> None:
    async with Workers(TASKS) as workers:
        with pytest.raises(WorkerError) as told:
            await done(workers, what="breaks")
    assert told.value.kind == "KeyError"
    assert re.search(r"\.py:\d+", str(told.value))
    assert "person" not in str(told.value)


async def test_a_task_that_is_left_early_ends(workers: Workers | Threads) -> None:
    async with workers.task(TASKS, {"what": "counts", "upto": 10**9}, POLICY, nowhere) as answers:
        async for n, _ in answers.values():
            if n == 3:
                break
    assert await done(workers, what="counts", upto=1) == ([[0, ""]], {"counted": 1})


async def test_several_are_done_at_once(workers: Workers | Threads) -> None:
    every = await asyncio.gather(*(done(workers, what="counts", upto=n) for n in range(8)))
    assert [answer["counted"] for _, answer in every] == list(range(8))


@pytest.mark.slow
async def test_it_tells_how_far_it_is_while_values_are_waited_for(workers: Workers | Threads) -> None:
    far: list[int] = []
    async with workers.task(TASKS, {"what": "goes_on", "upto": 12}, POLICY, far.append) as answers:
        assert [value async for value in answers.values()] == [12]
    assert far
    assert far == sorted(far)
    assert far[-1] > 0


async def test_the_loop_turns_meanwhile(workers: Workers | Threads) -> None:
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    turning = asyncio.create_task(turn())
    try:
        async with workers.task(TASKS, {"what": "goes_on", "upto": 2}, POLICY, nowhere) as answers:
            began = turns
            async for _ in answers.values():
                await until(lambda: turns > began)
    finally:
        turning.cancel()
    assert turns > 100
