"""The in-process log: batches of what waits, in order, bounded, with an end."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from soulprint.stages import Clock, Line


@given(st.lists(st.integers(), max_size=50), st.integers(1, 7), st.integers(1, 7))
def test_everything_arrives_once_in_order_in_batches_no_larger_than_asked(
    items: list[int], bound: int, most: int
) -> None:
    async def scenario() -> list[list[int]]:
        line: Line[int] = Line(bound)

        async def write() -> None:
            for item in items:
                await line.put(item)
            await line.end()

        writer = asyncio.create_task(write())
        batches = [batch async for batch in line.batches(most)]
        await writer
        return batches

    batches = asyncio.run(scenario())
    assert [item for batch in batches for item in batch] == items
    assert all(0 < len(batch) <= most for batch in batches)


async def test_a_full_line_makes_the_writer_wait() -> None:
    line: Line[int] = Line(1)
    await line.put(1)
    second = asyncio.create_task(line.put(2))
    await asyncio.wait([second], timeout=0.01)
    assert not second.done()
    assert await anext(line.batches(1)) == [1]
    await second


async def test_the_clock_adds_up_by_stage() -> None:
    clock = Clock()
    for _ in range(2):
        with clock.time("reading"):
            await asyncio.wait([asyncio.create_task(asyncio.sleep(0.001))])
    assert set(clock.seconds) == {"reading"}
    assert clock.seconds["reading"] > 0.001
