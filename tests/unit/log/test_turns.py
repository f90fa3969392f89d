"""Turns: while live work waits, replays have one of many; then all the others, and they come to their end."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.log.fairness import SHARE, Line, Turns


def live(person: str) -> Line:
    return Line(person, "import")


def replay(person: str) -> Line:
    return Line(person, "import", replay=True)


def filled(turns: Turns[str], **counts: int) -> Turns[str]:
    """Items of live people and of replays, whose names begin with r."""
    for name, count in counts.items():
        for number in range(count):
            turns.append(replay(name) if name.startswith("r") else live(name), f"{name}{number}")
    return turns


def order(turns: Turns[str]) -> str:
    """Who comes, in order, all of them."""
    return "".join(item[0] for item in turns.take(len(turns)))


FEW = SHARE - 1
"""Turns of live work between two of a replay."""


def test_a_replay_has_one_of_many_turns_while_live_work_waits_and_then_all() -> None:
    assert order(filled(Turns(), r=6, a=2 * FEW + 2)) == ("a" * FEW + "r") * 2 + "aarrrr"
    assert order(filled(Turns(), r=3)) == "rrr"
    assert order(filled(Turns(), a=3)) == "aaa"


def test_live_work_that_comes_amid_a_replay_is_next() -> None:
    turns = filled(Turns(), r=20)
    assert turns.take(5) == ["r0", "r1", "r2", "r3", "r4"]
    assert order(filled(turns, a=FEW + 2)) == "a" * FEW + "raa" + "r" * 14


def test_within_a_replay_people_take_turns_and_so_they_do_in_live_work() -> None:
    turns: Turns[str] = Turns()
    for name in ("rx", "ry", "ax", "by"):
        filled(turns, **{name: 20})
    came = turns.take(len(turns))
    assert [item[:2] for item in came if item[0] == "r"][-8:] == ["rx", "ry"] * 4
    each = Counter(item[0] for item in came[SHARE : 2 * SHARE])
    assert each["r"] == 1
    assert abs(each["a"] - each["b"]) == 1


def test_replays_have_no_more_places_than_they_may_and_the_others_are_free() -> None:
    turns = filled(Turns(of_replays=2), r=5)
    assert (turns.ready, turns.ready_replays, len(turns)) == (2, 2, 5)
    assert turns.take(9) == ["r0", "r1"]
    assert (turns.ready, turns.ready_replays, len(turns)) == (0, 0, 3)
    with pytest.raises(IndexError):
        turns.pop()
    filled(turns, a=2)
    assert (turns.ready, turns.take(9)) == (2, ["a0", "a1"])
    turns.done(replay("r"))
    turns.done(live("a"))
    assert turns.take(9) == ["r2"]
    others = turns.emptied()
    filled(others, r=1)
    assert (others.ready, len(others), len(turns)) == (0, 1, 2), "two of replays are out still"
    others.done(replay("r"))
    assert others.take(9) == ["r0"]


def test_a_persons_replays_do_not_keep_back_what_the_same_person_waits_for() -> None:
    turns: Turns[str] = Turns(most=2)
    for number in range(3):
        turns.append(replay("ana"), f"r{number}")
        turns.append(live("ana"), f"a{number}")
    assert sorted(turns.take(9)) == ["a0", "a1", "r0", "r1"]
    assert turns.ready == 0
    turns.done(replay("ana"))
    assert turns.take(9) == ["r2"]
    turns.done(live("ana"))
    assert turns.take(9) == ["a2"]


STEPS = st.lists(
    st.one_of(st.tuples(st.integers(0, 2), st.integers(0, 1), st.booleans()), st.none()), max_size=200
)


@given(STEPS, st.sampled_from([None, 2]), st.sampled_from([None, 3]))
def test_of_any_turns_while_live_work_waits_a_replay_has_one_at_most_and_all_comes_out_once(
    steps: list[tuple[int, int, bool] | None], most: int | None, of_replays: int | None
) -> None:
    turns: Turns[tuple[Line, int]] = Turns(most, of_replays)
    waiting: list[tuple[Line, int]] = []
    out: list[tuple[Line, int]] = []
    came: list[tuple[Line, int]] = []
    row: list[bool] = []  # turns without a break at which live work was ready: whether it had them

    def turn() -> None:
        lives = turns.ready - turns.ready_replays
        item = turns.pop()
        waiting.remove(item)
        out.append(item)
        came.append(item)
        assert not item[0].replay or of_replays is None or sum(i[0].replay for i in out) <= of_replays
        if not lives:
            assert item[0].replay
            row.clear()
            return
        row.append(not item[0].replay)
        assert sum(row[-SHARE:]) >= len(row[-SHARE:]) - 1, "of any four, three at least"

    for number, step in enumerate(steps):
        if step is not None:
            person, of, is_replay = step
            waiting.append((Line(person, of, is_replay), number))
            turns.append(waiting[-1][0], waiting[-1])
        elif turns.ready:
            turn()
        elif out:
            turns.done(out.pop(0)[0])
        assert sorted(turns) == sorted(waiting)
        assert len(turns) == len(waiting)
    while waiting:
        if turns.ready:
            # A replay that may come out does so within SHARE turns.
            if turns.ready_replays:
                before = sum(item[0].replay for item in came)
                for _ in range(min(SHARE, turns.ready)):
                    if turns.ready:
                        turn()
                assert sum(item[0].replay for item in came) > before or not turns.ready_replays
            else:
                turn()
        else:
            turns.done(out.pop(0)[0])
    assert sorted(number for _, number in came) == [n for n, step in enumerate(steps) if step is not None]
