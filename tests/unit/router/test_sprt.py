"""The test that rolls back: how rarely a lane that is well does, how soon one that is not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from statistics import median

import pytest

from services.router.judging.sprt import Sprt
from services.router.judging.thresholds import Thresholds

ALL = bool(os.environ.get("CHAOS"))
WINDOWS = 4000 if ALL else 1000
IMPORTS = 1000
BOUNDS = Thresholds()
TEST = Sprt(BOUNDS.failure_rate, BOUNDS.failure_rate_bad, BOUNDS.alpha, BOUNDS.beta)


def ended(random: Random, rate: float) -> Iterator[bool]:
    return (random.random() < rate for _ in range(IMPORTS))


def crossings(rate: float, windows: int, seed: int = 7) -> list[int]:
    """After how many imports each window rolled back that did."""
    random = Random(seed)
    walks = [TEST.walk(ended(random, rate)) for _ in range(windows)]
    return [walk.runs for walk in walks if walk.crossed]


def test_its_bounds_are_those_of_wald() -> None:
    assert TEST.upper == pytest.approx(6.8565, abs=1e-4)
    assert TEST.lower == pytest.approx(-2.9947, abs=1e-4)


@pytest.mark.parametrize("rate", [0.01, 0.02, 0.03])
def test_a_lane_that_is_well_is_never_rolled_back(rate: float) -> None:
    assert crossings(rate, WINDOWS) == []


def test_at_the_rate_that_is_allowed_one_window_in_three_hundred_is() -> None:
    assert len(crossings(0.05, WINDOWS)) / WINDOWS <= 0.005


def test_about_a_hundredth_would_be_with_a_larger_alpha() -> None:
    larger = Sprt(TEST.rate, TEST.worse, 0.005, TEST.beta)
    random = Random(7)
    crossed = sum(larger.walk(ended(random, 0.05)).crossed for _ in range(WINDOWS))
    assert crossed / WINDOWS > 0.007


def test_seven_that_all_fail_are_enough() -> None:
    walk = TEST.walk([True] * 100)
    assert walk.crossed
    assert (walk.runs, walk.failed) == (7, 7)
    assert not TEST.walk([True] * 6).crossed


@pytest.mark.parametrize(("rate", "after"), [(0.5, (13, 15)), (0.2, (49, 54))])
def test_how_soon_a_lane_that_fails_is_rolled_back(rate: float, after: tuple[int, int]) -> None:
    at = crossings(rate, WINDOWS)
    assert len(at) == WINDOWS
    assert after[0] <= median(at) <= after[1]


def test_a_fifth_failing_is_told_within_130_imports() -> None:
    at = crossings(0.2, WINDOWS)
    assert sum(each <= 130 for each in at) / WINDOWS >= 0.95


def test_a_long_good_time_does_not_delay_it() -> None:
    walk = TEST.walk([False] * 100_000 + [True] * 20)
    assert walk.crossed
    assert walk.runs == 100_009


def test_a_run_at_work_counts_as_far_as_it_was_seen() -> None:
    whole, none = TEST.walk([True, False]).ratio, TEST.walk([True]).ratio
    half = TEST.walk([True, False], [1.0, 0.5]).ratio
    assert whole < half < none == TEST.walk([True, False], [1.0, 0.0]).ratio


def test_nothing_ended_says_nothing() -> None:
    assert TEST.walk([]) == TEST.walk(iter(()))
    assert not TEST.walk([]).crossed
