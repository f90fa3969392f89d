from __future__ import annotations

import asyncio

from services.quickpass.slices import Slices


async def reads(slices: Slices, name: str, pieces: int, order: list[str], began: asyncio.Event) -> None:
    async with slices.reading() as reader:
        for n in range(pieces):
            order.append(name)
            if n == 5:
                began.set()
            await reader.rest(n + 1.0)


async def test_who_was_read_least_is_next() -> None:
    slices, order, began = Slices(), list[str](), asyncio.Event()
    large = [asyncio.create_task(reads(slices, name, 20, order, began)) for name in "ab"]
    await began.wait()
    await reads(slices, "small", 4, order, began)
    came = order.index("small")
    assert order[came : came + 4] == ["small"] * 4, "nobody comes between"
    await asyncio.gather(*large)
    assert len(order) == 44


async def test_one_at_a_time_also_after_some_were_cancelled() -> None:
    slices = Slices()
    inside = 0

    async def work() -> None:
        nonlocal inside
        async with slices.reading() as reader:
            for spent in (0.0, 1.0, 2.0):
                inside += 1
                assert inside == 1
                inside -= 1
                await reader.rest(spent)

    async with slices.reading():
        waiting = [asyncio.create_task(work()) for _ in range(6)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        waiting[3].cancel()
    waiting[1].cancel()  # it has the turn, and has not begun
    await asyncio.sleep(0)
    waiting[4].cancel()
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert [end for end in ends if end is not None and not isinstance(end, asyncio.CancelledError)] == []
    async with asyncio.timeout(5), slices.reading():
        pass
