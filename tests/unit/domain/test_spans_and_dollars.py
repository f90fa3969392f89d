"""Spans and dollars as people type and read them."""

from __future__ import annotations

import pytest

from shared.domain.dollars import dollars, dollars_of
from shared.domain.spans import seconds_of, span


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (0.0, "$0"), (2.0, "$2"), (0.05, "$0.05"), (0.012, "$0.012"), (0.01237, "$0.0124"),
        (0.00096, "$0.00096"), (0.00000012, "$0.00000012"), (1204.5, "$1,204.50"), (99.99999, "$100"),
        (100.0, "$100.00"),
    ],
)  # fmt: skip
def test_dollars_have_the_digits_that_they_need(amount: float, told: str) -> None:
    assert dollars(amount) == told


@pytest.mark.parametrize(
    ("limit", "told"),
    [(0.012, "$0.012"), (0.0123456, "$0.0123456"), (2, "$2"), (1e-7, "$0.0000001"), (1500, "$1,500")],
)
def test_a_limit_is_told_as_it_was_typed(limit: float, told: str) -> None:
    assert dollars_of(limit) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.2, "0 s"), (45, "45 s"), (290, "4 min 50 s"), (3900, "1 h 5 min"), (90_000, "25 h 0 min")],
)
def test_spans_are_told_in_two_units(seconds: float, told: str) -> None:
    assert span(seconds) == told


@pytest.mark.parametrize("text", ["", "1", "1 m", "m", "1y", "-1m", "1m2s", "\u0663m", "1" * 10 + "s"])
def test_what_is_no_span_is_left_as_it_is(text: str) -> None:
    assert seconds_of(text) == text
