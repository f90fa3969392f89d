"""Turns: one of each import after the other, and no place is ever lost."""

from __future__ import annotations

import asyncio

import pytest

from shared.log.turns import Gate, Turns
from tests.support.waiting import until


def test_lines_take_turns_and_each_keeps_its_order() -> None:
    turns: Turns[str] = Turns()
    for line, item in [("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("c", "c1"), ("b", "b2")]:
        turns.append(line, item)
    assert len(turns) == 6
    assert sorted(turns) == ["a1", "a2", "a3", "b1", "b2", "c1"]
    assert [turns.pop() for _ in range(6)] == ["a1", "b1", "c1", "a2", "b2", "a3"]
    with pytest.raises(IndexError):
        turns.pop()


async def test_a_late_line_is_let_in_next_and_cancelled_waiters_lose_no_place() -> None:
    gate, entered, leave = Gate(1), [], asyncio.Event()

    async def work(line: str, name: str) -> None:
        async with gate.place(line):
            entered.append(name)
            await leave.wait()

    tasks = [asyncio.create_task(work("huge", f"h{number}")) for number in range(5)]
    await until(lambda: entered == ["h0"])
    tasks.append(asyncio.create_task(work("small", "s0")))
    await asyncio.sleep(0)
    tasks[1].cancel()
    leave.set()
    await asyncio.wait(tasks)
    assert entered == ["h0", "s0", "h2", "h3", "h4"]
    async with asyncio.timeout(1), gate.place("again"):
        pass
