"""Words that mean another day later are told by the calendar."""

from __future__ import annotations

from datetime import date

import pytest

from shared.models.rules.relative import resolved
from tests.unit.rules.said_support import facts

SAID = date(2024, 3, 5).toordinal()
"""A Tuesday."""


@pytest.mark.parametrize(
    ("words", "told", "day"),
    [
        ("We moved last month", "We moved in February 2024", date(2024, 2, 1)),
        ("We moved to Porto last month", "We moved to Porto in February 2024", date(2024, 2, 1)),
        ("I quit yesterday", "I quit on 4 March 2024", date(2024, 3, 4)),
        ("I start next June", "I start in June 2024", date(2024, 6, 1)),
        ("I have surgery in two weeks", "I have surgery in March 2024", date(2024, 3, 19)),
        ("I fly to Rome tomorrow", "I fly to Rome on 6 March 2024", date(2024, 3, 6)),
        ("I go to Wales this summer", "I go to Wales in summer 2024", date(2024, 6, 1)),
        ("They married this December", "They married in December 2023", date(2023, 12, 1)),
        ("I start at Aldi on Monday", "I start at Aldi on 11 March 2024", date(2024, 3, 11)),
        ("I had chemo on Monday", "I had chemo on 4 March 2024", date(2024, 3, 4)),
        ("I moved to Leeds in May", "I moved to Leeds in May 2023", date(2023, 5, 1)),
        ("My exam is on 15 May", "My exam is on 15 May 2024", date(2024, 5, 15)),
        ("I've been here since last year", "I've been here since 2023", date(2023, 1, 1)),
        ("I wed last Friday night", "I wed on 1 March 2024", date(2024, 3, 1)),
        ("In march last year I fell", "In march 2023 I fell", date(2023, 1, 1)),
        ("last week I fell", "In the week of 26 February 2024 I fell", date(2024, 2, 26)),
        ("I saw it last weekend", "I saw it on the weekend of 2 March 2024", date(2024, 3, 2)),
        ("I left ten years ago", "I left in 2014", date(2014, 1, 1)),
        ("I went to a reading last Fri", "I went to a reading on 1 March 2024", date(2024, 3, 1)),
        ("We fly next Thurs", "We fly on 7 March 2024", date(2024, 3, 7)),
        ("I ran last Sun", "I ran on 3 March 2024", date(2024, 3, 3)),
        ("This year is our twentieth", "2024 is our twentieth", date(2024, 1, 1)),
        ("Daisy gets spayed on November 18", "Daisy gets spayed on November 18 2024", date(2024, 11, 18)),
    ],
)
def test_they_are_resolved(words: str, told: str, day: date) -> None:
    assert resolved(words, SAID, event=True) == (told, day.toordinal())


@pytest.mark.parametrize(
    "words",
    [
        "I wrote it in two weeks",
        "We play on Monday nights",
        "We play every Monday",
        "My birthday is on 14 July",
        "I worked there for the last year",
        "last year's model",
        "I last sat an exam in Kendal",
        "I was born in May 1990",
        "It is on 31 February",
    ],
)
def test_what_comes_again_or_is_no_day_stays(words: str) -> None:
    assert resolved(words, SAID, event=True) == (words, None)


def test_without_a_day_nothing_is_resolved() -> None:
    assert resolved("I quit yesterday", None, event=True) == ("I quit yesterday", None)


@pytest.mark.parametrize("day", [1, date.max.toordinal()])
def test_the_ends_of_the_calendar_do_not_overflow(day: int) -> None:
    for words in ("I quit ten years ago", "I quit last week", "I go in ten years", "I go next weekend"):
        resolved(words, day, event=True)


def test_a_fact_is_dated_by_it() -> None:
    found = facts("We got married last month in a small church in Leeds.")
    assert [(each.statement, each.quote) for each in found] == [
        (
            "We got married in May 2024 in a small church in Leeds.",
            "We got married last month in a small church in Leeds",
        )
    ]
    assert found[0].valid_from == date(2024, 5, 1).toordinal()
