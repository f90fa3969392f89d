"""Turns: one of each import after the other, and no place is ever lost."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.log.fairness import CREDIT, Gate, Turns
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


def pops(turns: Turns[str], count: int) -> str:
    return " ".join(turns.pop() for _ in range(count))


def test_a_new_line_goes_first_for_as_long_as_its_credit_lasts() -> None:
    turns: Turns[str] = Turns()
    for number in range(20):
        turns.append("huge", f"h{number}")
    assert pops(turns, 6) == "h0 h1 h2 h3 h4 h5"
    for number in range(6):
        turns.append("small", f"s{number}")
    assert pops(turns, 8) == "s0 s1 s2 s3 h6 s4 h7 s5"
    assert pops(turns, len(turns)).startswith("h8 h9")


def test_a_line_that_runs_empty_and_comes_again_earns_no_credit() -> None:
    turns: Turns[str] = Turns()
    for number in range(20):
        turns.append("huge", f"h{number}")
    pops(turns, CREDIT)
    turns.append("small", "s0")
    assert turns.pop() == "s0"
    for number in range(1, 4):
        turns.append("small", f"s{number}")
    assert pops(turns, 4) == "h4 s1 h5 s2"
    turns.pop(), turns.pop(), turns.pop()
    assert pops(turns, len(turns)).startswith("h8 h9"), "only one line is left"
    turns.append("small", "s4")
    assert turns.pop() == "s4", "it was forgotten meanwhile"


@given(st.lists(st.one_of(st.integers(0, 3), st.none()), max_size=200))
def test_nothing_is_lost_and_no_line_waits_for_more_than_its_share(steps: list[int | None]) -> None:
    turns: Turns[tuple[int, int]] = Turns()
    waiting: dict[int, list[int]] = {line: [] for line in range(4)}
    for number, step in enumerate(steps):
        if step is not None:
            turns.append(step, (step, number))
            waiting[step].append(number)
        elif any(waiting.values()):
            line, item = turns.pop()
            assert waiting[line].pop(0) == item
    assert sorted(turns) == sorted((line, item) for line, items in waiting.items() for item in items)
    assert len(turns) == sum(map(len, waiting.values()))
    popped = [turns.pop() for _ in range(len(turns))]
    assert sorted(popped) == sorted((line, item) for line, items in waiting.items() for item in items)
    first = {line: place for place, (line, _) in reversed(list(enumerate(popped)))}
    assert all(place <= 3 * CREDIT + 3 for place in first.values()), "the credits and a turn of the others"


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
