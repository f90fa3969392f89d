from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.exports.formats.tree import stranded, visible_path

NO_TIMES: list[float | None] = [None] * 9


def test_no_links_is_file_order() -> None:
    assert list(visible_path(["a", "b", "c"], ["", "", ""], [3.0, 2.0, 1.0])) == [0, 1, 2]


def test_the_latest_leaf_wins_over_the_file_order() -> None:
    ids, parents = ["q", "new", "old"], ["root", "q", "q"]
    assert list(visible_path(ids, parents, [1.0, 9.0, 2.0])) == [0, 1]


def test_a_linked_path_is_never_sorted_by_time() -> None:
    ids, parents = ["a", "b", "c"], ["root", "a", "b"]
    assert list(visible_path(ids, parents, [30.0, 20.0, 10.0])) == [0, 1, 2]


def test_equal_times_end_at_the_last_in_the_file() -> None:
    assert list(visible_path(["a", "b", "c"], ["root", "a", "a"], NO_TIMES[:3])) == [0, 2]


def test_a_known_leaf_is_obeyed_and_an_unknown_one_ignored() -> None:
    ids, parents, times = ["a", "b", "c"], ["root", "a", "a"], [1.0, 2.0, 3.0]
    assert list(visible_path(ids, parents, times, leaf="b")) == [0, 1]
    assert list(visible_path(ids, parents, times, leaf="gone")) == [0, 2]


def test_cycles_end() -> None:
    assert list(visible_path(["a", "b"], ["b", "a"], [1.0, 2.0])) == [0, 1]
    assert list(visible_path(["a"], ["a"], [1.0])) == [0]
    assert list(visible_path(["a", "b"], ["a", "root"], [2.0, 1.0])) == [0]
    ids, parents = ["a", "b", "leaf"], ["b", "a", "b"]
    assert list(visible_path(ids, parents, NO_TIMES[:3])) == [0, 1, 2]


def test_a_dangling_parent_is_a_root() -> None:
    assert list(visible_path(["a", "b", "c"], ["root", "gone", "b"], NO_TIMES[:3])) == [1, 2]


def test_messages_from_before_links_follow_one_another() -> None:
    ids, parents = ["a", "b", "c", "edited"], ["", "", "b", "b"]
    assert list(visible_path(ids, parents, NO_TIMES[:4], unlinked_follow=True)) == [0, 1, 3]
    assert list(visible_path(ids, parents, NO_TIMES[:4])) == [1, 3]


def test_nothing_is_an_empty_path() -> None:
    assert list(visible_path([], [], [])) == []


@given(st.lists(st.tuples(st.sampled_from("abcd") | st.just(""), st.sampled_from("abcdx") | st.just(""))))
def test_any_graph_gives_distinct_positions(nodes: list[tuple[str, str]]) -> None:
    ids, parents = [node[0] for node in nodes], [node[1] for node in nodes]
    for follow in (False, True):
        path = list(visible_path(ids, parents, [None] * len(nodes), unlinked_follow=follow))
        assert len(set(path)) == len(path)
        assert bool(path) == bool(nodes)
        assert all(0 <= i < len(nodes) for i in path)


def apart(ids: list[str], parents: list[str]) -> list[int]:
    return stranded(ids, parents, visible_path(ids, parents, [float(i) for i in range(len(ids))]))


def test_edits_and_regenerations_are_no_loss() -> None:
    assert apart(["a", "b", "b2", "c"], ["root", "a", "a", "b2"]) == []
    assert apart(["a", "edited", "b"], ["", "", "edited"]) == []
    assert apart(["a", "edited", "b"], ["root", "root", "edited"]) == []
    assert apart(["a", "b"], ["", ""]) == []


def test_messages_whose_parents_are_not_in_the_file_are_stranded() -> None:
    assert apart(["", "", "", ""], ["", "p1", "p2", "p3"]) == [0, 1, 2]
    assert apart(["a", "b", "c", "d"], ["", "a", "gone", "c"]) == [0, 1]


def test_a_cycle_beside_the_path_is_stranded() -> None:
    assert stranded(["a", "b", "x", "y"], ["root", "a", "y", "x"], [0, 1]) == [2, 3]


@given(st.integers(1, 8).flatmap(lambda n: st.lists(st.integers(-2, 8), min_size=n, max_size=n)))
def test_every_message_is_on_the_path_explained_or_stranded(numbers: list[int]) -> None:
    ids = [str(i) for i in range(len(numbers))]
    parents = ["" if number == -2 else str(number) for number in numbers]
    path = visible_path(ids, parents, NO_TIMES[: len(ids)])
    assert set(stranded(ids, parents, path)).isdisjoint(path)
