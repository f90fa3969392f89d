"""Whether values are larger: against tables, against counting all orders, and what must hold of any."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import comb
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.judging import ranks
from services.router.judging.ranks import larger

VALUES = st.lists(st.integers(0, 30), min_size=1, max_size=40)


def with_u(n: int, m: int, u: int) -> tuple[list[float], list[float]]:
    """Values without ties, `others` larger in all but u pairs."""
    others = [float(i) for i in range(m)]
    these = [-1.0 - i for i in range(n)]
    whole, rest = divmod(u, m)
    these[:whole] = [m + float(i) for i in range(whole)]
    if rest:
        these[whole] = rest - 0.5
    return these, others


# The largest U of the smaller sum that is significant, one-sided, as printed in tables of the test.
@pytest.mark.parametrize(
    ("n", "m", "level", "critical"),
    [
        (5, 5, 0.05, 4),
        (5, 5, 0.01, 1),
        (6, 6, 0.05, 7),
        (7, 7, 0.01, 6),
        (8, 8, 0.05, 15),
        (10, 10, 0.05, 27),
        (10, 10, 0.01, 19),
        (15, 15, 0.01, 56),
        (20, 20, 0.05, 138),
        (20, 20, 0.01, 114),
        (4, 10, 0.05, 7),
    ],
)
def test_it_agrees_with_the_tables(n: int, m: int, level: float, critical: int) -> None:
    assert larger(*with_u(n, m, n * m - critical)) <= level
    assert larger(*with_u(n, m, n * m - critical - 1)) > level


def test_it_agrees_with_a_published_example() -> None:
    men, women = [19.0, 22, 16, 29, 24], [20.0, 11, 17, 12]
    assert larger(men, women) == pytest.approx(0.0555556, abs=1e-6)
    assert ranks._normal(5, 4, 17, ()) * 2 == pytest.approx(0.11134688653314041, rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(1, 1), (1, 6), (3, 4), (4, 3), (5, 5)])
def test_the_exact_form_is_what_counting_all_orders_gives(n: int, m: int) -> None:
    places = range(n + m)
    us = [sum(a > b for a in chosen for b in places if b not in chosen) for chosen in combinations(places, n)]
    for u in range(n * m + 1):
        these, others = with_u(n, m, u)
        assert larger(these, others) == pytest.approx(sum(each >= u for each in us) / comb(n + m, n))


def test_the_normal_form_takes_over_where_counting_ends() -> None:
    for u in range(200, 401, 10):
        these, others = with_u(20, 20, u)
        exact = larger(these, others)
        assert ranks._normal(20, 20, u, ()) == pytest.approx(exact, abs=6e-4 if exact < 0.01 else 2.5e-3)


def test_ties_take_spread_away() -> None:
    these, others = [2.0] * 10 + [1.0] * 10, [2.0] * 2 + [1.0] * 18
    u, ties = ranks._u(these, others)
    assert (u, sorted(ties)) == (10 * 18 + 10 * 2 / 2 + 10 * 18 / 2, [12, 28])
    variance = 400 / 12 * (41 - (12**3 - 12 + 28**3 - 28) / (40 * 39))
    z = (u - 200 - 0.5) / variance**0.5
    assert z == pytest.approx(2.7085, abs=1e-4)
    assert larger(these, others) == pytest.approx(0.00338, abs=1e-5)


@pytest.mark.parametrize(("these", "others"), [([], [1.0]), ([1.0], []), ([], []), ([3.0] * 50, [3.0] * 70)])
def test_nothing_to_compare_is_no_difference(these: list[float], others: list[float]) -> None:
    assert larger(these, others) == 1.0


@given(VALUES, VALUES)
def test_each_pair_is_counted_once(these: Sequence[int], others: Sequence[int]) -> None:
    u, _ = ranks._u(these, others)
    assert u == sum((a > b) + (a == b) / 2 for a in these for b in others)
    assert u + ranks._u(others, these)[0] == len(these) * len(others)


@given(VALUES, VALUES)
def test_either_way_more_than_the_whole(these: Sequence[int], others: Sequence[int]) -> None:
    both = larger(these, others) + larger(others, these)
    assert 0 <= larger(these, others) <= 1
    assert both >= 1 - 1e-9, "what is equal counts on both sides"


@given(VALUES, VALUES, st.integers(1, 10))
def test_larger_values_never_look_smaller(these: Sequence[int], others: Sequence[int], more: int) -> None:
    assert larger([each + 31 + more for each in these], others) <= larger(these, others) + 1e-9


@given(VALUES, VALUES)
def test_order_and_scale_do_not_matter(these: Sequence[int], others: Sequence[int]) -> None:
    mixed = Random(1).sample(list(these), len(these))
    scaled = [each**3 * 7.0 + 1 for each in mixed], [each**3 * 7.0 + 1 for each in others]
    assert larger(*scaled) == pytest.approx(larger(these, others))


def test_thousands_of_values_are_a_moment() -> None:
    random = Random(3)
    slow, quick = (
        [random.expovariate(1 / 1.3) for _ in range(4000)],
        [random.expovariate(1) for _ in range(4000)],
    )
    assert larger(slow, quick) < 1e-12
    assert larger(quick, slow) > 0.999
