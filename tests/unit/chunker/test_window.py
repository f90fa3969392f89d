from __future__ import annotations

import asyncio

import pytest

from services.chunker.window import RunEndedError, StalledError, Window
from shared.store.driving import ChunkRanges, RunWatch
from tests.support.waiting import until


class Run:
    """A run that is looked at; each look says the next of these counts, then the last one for ever."""

    def __init__(self, *done: int, state: str = "chunking") -> None:
        self.done = list(done)
        self.state = state
        self.looks = 0

    async def watch(self) -> RunWatch | None:
        self.looks += 1
        return RunWatch(self.state, self.done.pop(0) if len(self.done) > 1 else self.done[0])


async def test_while_there_is_room_nobody_is_asked() -> None:
    run = Run(0)
    window = Window(run.watch, 4, patience=60)
    for _ in range(4):
        await window.admit()
    assert run.looks == 0


async def test_a_full_window_waits_until_as_many_are_done_as_must_be() -> None:
    run = Run(0, 0, 3)
    window = Window(run.watch, 4, patience=60)
    for _ in range(7):
        await window.admit()
    assert (run.looks, window.done) == (3, 3)
    admitting = asyncio.create_task(window.admit())
    await until(lambda: run.looks == 6 or admitting.done())
    assert not admitting.done()
    admitting.cancel()


@pytest.mark.parametrize("before", [300, 970])
async def test_what_was_done_before_counts_wherever_in_the_run_it_is(before: int) -> None:
    """Of a run of 1,000 chunks that took most of them over as many go at a time as of any."""
    run = Run(before, before + 1)
    window = Window(run.watch, 4, patience=60, done=before)
    for _ in range(4):
        await window.admit()
    assert run.looks == 0
    await window.admit()
    assert (run.looks, window.done) == (2, before + 1)
    admitting = asyncio.create_task(window.admit())
    await until(lambda: run.looks == 5 or admitting.done())
    assert not admitting.done()
    admitting.cancel()


@pytest.mark.parametrize("state", ["cancelled", "failed", "complete"])
async def test_a_run_that_ended_ends_the_wait(state: str) -> None:
    with pytest.raises(RunEndedError) as ended:
        await Window(Run(0, state=state).watch, 0, patience=60).admit()
    assert ended.value.state == state


async def test_a_run_that_is_gone_ends_the_wait() -> None:
    async def nothing() -> RunWatch | None:
        return None

    with pytest.raises(RunEndedError, match="gone"):
        await Window(nothing, 1, patience=60).look()


async def test_a_full_window_in_which_nothing_moves_is_stalled() -> None:
    with pytest.raises(StalledError):
        await Window(Run(0).watch, 0, patience=0.05).admit()


@pytest.mark.parametrize(
    ("ranges", "inside", "outside"),
    [([], [], [0, 1]), ([[0, 0]], [0], [1, -1]), ([[2, 4], [7, 9]], [2, 3, 4, 7, 9], [0, 1, 5, 6, 10])],
)
def test_ranges_hold_what_they_name(ranges: list[list[int]], inside: list[int], outside: list[int]) -> None:
    found = ChunkRanges(ranges)
    assert all(index in found for index in inside)
    assert not any(index in found for index in outside)
    assert found.count == sum(last - first + 1 for first, last in ranges)
