"""What a policy may say instead of the numbers, and what nonsense becomes."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from services.router.judging.thresholds import _LISTS, _RANGES, ThresholdError, Thresholds, thresholds_of


def test_nothing_said_is_the_numbers_themselves() -> None:
    assert Thresholds.of({}) == Thresholds()


def test_each_number_lies_in_its_own_range() -> None:
    own = Thresholds()
    assert {each.name for each in fields(own)} == {*_RANGES, *_LISTS}
    assert Thresholds.of({each.name: getattr(own, each.name) for each in fields(own)}) == own


def test_a_step_may_last_seconds() -> None:
    short = Thresholds.of({"shares": [500, 10_000], "step_seconds": [3, 4.5], "enough": 5})
    assert (short.shares, short.step_seconds, short.enough) == ((500, 10_000), (3, 4.5), 5)
    assert short.alpha == Thresholds().alpha


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"sucess": 0.9}, "'sucess', which is none: they are alpha, announced_seconds,"),
        ({"success": "0.9"}, "success is '0.9': it must be a number from 0 to 1"),
        ({"success": 95}, "success is 95"),
        ({"success": None}, "success is None"),
        ({"success": True}, "success is True"),
        ({"success": float("nan")}, "success is nan"),
        ({"stuck_seconds": -1}, "stuck_seconds is -1"),
        ({"stuck_seconds": 0}, "stuck_seconds is 0"),
        ({"stuck_seconds": 10**400}, "stuck_seconds is far too large"),
        ({"stuck_seconds": 10**9999}, "stuck_seconds is far too large"),
        ({"stuck_seconds": float("inf")}, "stuck_seconds is inf"),
        ({"stuck_runs": 0}, "stuck_runs is 0: it must be a whole number from 1"),
        ({"stuck_runs": 2.5}, "stuck_runs is 2.5"),
        ({"alpha": 0}, "alpha is 0"),
        ({"alpha": 1}, "alpha is 1"),
        ({"failure_rate": 0.4, "failure_rate_bad": 0.2}, "failure_rate 0.4 must be below"),
        ({"failure_rate": 0.15}, "failure_rate 0.15 must be below"),
        ({"shares": [1000, 5000]}, "2 shares and 3 step_seconds"),
        ({"shares": [1000, 5000, 9000]}, "the last must be 10000"),
        ({"shares": [5000, 1000, 10_000]}, "must rise"),
        ({"shares": [1000, 5000, 10_001]}, "shares is 10001"),
        ({"shares": 1000}, "shares must be a list"),
        ({"shares": []}, "shares must be a list of 1 to 20"),
        ({"step_seconds": [1, "2", 3]}, "step_seconds is '2'"),
        ({"step_seconds": {"10": 3}}, "step_seconds must be a list"),
        ({"p": [0.01]}, "p is [0.01]"),
        ({"worse": {}}, "worse is {}"),
        ({"": 1}, "''"),
    ],
)
def test_nonsense_is_named_and_the_numbers_stand(overrides: dict[str, Any], told: str) -> None:
    with pytest.raises(ThresholdError) as raised:
        Thresholds.of(overrides)
    assert told in str(raised.value)
    assert thresholds_of(overrides) == (Thresholds(), str(raised.value))
