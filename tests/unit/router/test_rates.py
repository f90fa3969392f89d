"""Rates with their bounds, and percentiles."""

from __future__ import annotations

import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.router.judging.percentiles import median, percentile
from services.router.judging.wilson import wilson

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50)


# Values that are printed for the score interval without continuity correction.
@pytest.mark.parametrize(
    ("successes", "of", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (29, 29, 0.8830, 1.0)],
)
def test_the_score_interval_is_as_published(successes: int, of: int, low: float, high: float) -> None:
    assert wilson(successes, of) == pytest.approx((low, high), abs=1e-4)


@given(st.integers(0, 500), st.integers(0, 500))
def test_the_rate_lies_within_and_the_other_side_mirrors_it(successes: int, failures: int) -> None:
    of = successes + failures
    low, high = wilson(successes, of)
    assert 0 <= low <= (successes / of if of else 0.5) <= high <= 1
    assert wilson(failures, of) == pytest.approx((1 - high, 1 - low))


def test_percentiles_lie_between_the_values_of_the_nearest_rank() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3.0], 0.95) == 3.0
    assert percentile([4.0, 1.0, 2.0, 3.0], 0.5) == 2.5
    assert percentile([float(n) for n in range(101)], 0.95) == 95.0
    assert percentile([1.0, 2.0], 1.0) == 2.0


@given(NUMBERS)
def test_percentiles_rise_and_the_middle_is_the_median(values: list[float]) -> None:
    found = [percentile(values, share) or 0.0 for share in (0.0, 0.25, 0.5, 0.95, 1.0)]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (min(values), max(values))
    assert median(values) == pytest.approx(statistics.median(values), rel=1e-9, abs=1e-9)
