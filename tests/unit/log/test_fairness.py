"""FairQueue and Turns: one of each import after the other, and no place is ever lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.log.fairness import CREDIT, FairQueue, Line, Turns


def test_lines_take_turns_and_each_keeps_its_order() -> None:
    turns: FairQueue[str] = FairQueue()
    for line, item in [("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("c", "c1"), ("b", "b2")]:
        turns.append(line, item)
    assert len(turns) == 6
    assert sorted(turns) == ["a1", "a2", "a3", "b1", "b2", "c1"]
    assert [turns.pop() for _ in range(6)] == ["a1", "b1", "c1", "a2", "b2", "a3"]
    with pytest.raises(IndexError):
        turns.pop()


def pops(turns: FairQueue[str], count: int) -> str:
    return " ".join(turns.pop() for _ in range(count))


def test_a_new_line_goes_first_for_as_long_as_its_credit_lasts() -> None:
    turns: FairQueue[str] = FairQueue()
    for number in range(20):
        turns.append("huge", f"h{number}")
    assert pops(turns, 6) == "h0 h1 h2 h3 h4 h5"
    for number in range(6):
        turns.append("small", f"s{number}")
    assert pops(turns, 8) == "s0 s1 s2 s3 h6 s4 h7 s5"
    assert pops(turns, len(turns)).startswith("h8 h9")


def test_a_line_that_runs_empty_and_comes_again_earns_no_credit() -> None:
    turns: FairQueue[str] = FairQueue()
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
    turns: FairQueue[tuple[int, int]] = FairQueue()
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


def test_people_take_turns_however_many_lines_each_has() -> None:
    turns: Turns[str] = Turns()
    for number in range(3):
        for of in range(20):
            turns.append(Line("many", of), f"m{of}.{number}")
    for _ in range(CREDIT):
        turns.pop()
    for number in range(6):
        turns.append(Line("one", 0), f"o{number}")
    first = [turns.pop() for _ in range(CREDIT + 4)]
    assert [item[0] for item in first] == ["o"] * CREDIT + ["m", "o", "m", "o"]
    assert len(turns) == 54 == len(list(turns))


def test_what_a_person_may_not_have_out_waits_until_one_is_back_and_others_come_instead() -> None:
    turns: Turns[str] = Turns(most=2)
    for number in range(4):
        turns.append(Line("ana", number), f"a{number}")
    assert turns.take(9) == ["a0", "a1"]
    turns.append(Line("ana", 9), "a9")
    assert (turns.ready, len(turns), sorted(turns)) == (0, 3, ["a2", "a3", "a9"])
    with pytest.raises(IndexError):
        turns.pop()
    turns.append(Line("bea", 0), "b0")
    assert turns.take(9) == ["b0"]
    turns.done(Line("ana", 0))
    assert turns.take(9) == ["a2"]
    turns.done(Line("bea", 0))
    others = turns.emptied()
    others.append(Line("ana", 3), "a3")
    assert (others.ready, len(others), len(turns)) == (0, 1, 2), "two of hers are out still"
    for _ in range(2):
        others.done(Line("ana", 0))
    assert others.take(9) == ["a3"]
    others.done(Line("ana", 3))
    assert not others._live._out, "nobody is remembered who has nothing out"


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.booleans()), max_size=200))
def test_no_person_has_more_out_than_may_be_and_nothing_is_lost(
    steps: list[tuple[int, int, bool]],
) -> None:
    turns: Turns[tuple[Line, int]] = Turns(most=2)
    out: list[tuple[Line, int]] = []
    waiting: list[tuple[Line, int]] = []
    for number, (person, of, comes) in enumerate(steps):
        if comes:
            waiting.append((Line(person, of), number))
            turns.append(waiting[-1][0], waiting[-1])
        elif turns.ready:
            out.append(turns.pop())
            waiting.remove(out[-1])
        elif out:
            turns.done(out.pop(0)[0])
        assert all(sum(line.person == each for line, _ in out) <= 2 for each in range(3))
        ready = {line.person for line, _ in waiting if sum(o.person == line.person for o, _ in out) < 2}
        assert (turns.ready > 0) == bool(ready)
        assert sorted(turns) == sorted(waiting)
        assert len(turns) == len(waiting)
