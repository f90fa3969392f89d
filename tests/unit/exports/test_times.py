from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.exports.formats.times import EARLIEST, LATEST, parse_time


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (1_700_000_000.5, 1_700_000_000.5),
        (1_700_000_000, 1_700_000_000.0),
        (1_700_000_000_123, 1_700_000_000.123),
        ("1700000000.5", 1_700_000_000.5),
        (" 1700000000 ", 1_700_000_000.0),
        ("2023-11-14T22:13:20Z", 1_700_000_000.0),
        ("2023-11-14T22:13:20", 1_700_000_000.0),
        ("2023-11-14T23:13:20.250+01:00", 1_700_000_000.25),
    ],
)
def test_plausible(value: object, seconds: float) -> None:
    assert parse_time(value) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value",
    [
        None, True, -1, -1.5, 0, "", "yesterday", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00",
        253402300799, float("nan"), float("inf"), "nan", "1e999", 10**400, "9" * 10_000, [], {},
    ],
)  # fmt: skip
def test_not_plausible(value: object) -> None:
    assert parse_time(value) is None


@given(st.one_of(st.floats(), st.integers(), st.text(max_size=50), st.datetimes().map(str)))
def test_never_raises_and_stays_in_range(value: object) -> None:
    seconds = parse_time(value)
    assert seconds is None or EARLIEST <= seconds < LATEST
