"""From when and until when a statement holds."""

from __future__ import annotations

from datetime import date

import pytest

from shared.models.rules.when import Time, days_of, has_day

SAID = date(2024, 3, 31)


@pytest.mark.parametrize(
    ("text", "time", "since", "until"),
    [
        ("i live in leeds", "span", None, None),
        ("i have lived here since 2019", "span", date(2019, 1, 1), None),
        ("i have lived here since march 2020", "span", date(2020, 3, 1), None),
        ("i have lived here since 12 may 2020", "span", date(2020, 5, 12), None),
        ("i work there until march 2025", "span", None, date(2025, 3, 31)),
        ("i work there until december 2025", "span", None, date(2025, 12, 31)),
        ("i lived there from may 2021 to june 2022", "span", date(2021, 5, 1), date(2022, 6, 30)),
        ("i lived there from 3 may to 7 june 2022", "span", date(2022, 5, 3), date(2022, 6, 7)),
        ("i lived there between 2014 and 2017", "span", date(2014, 1, 1), date(2017, 12, 31)),
        ("i moved to leeds in 2021", "change", date(2021, 1, 1), None),
        ("i moved to leeds in 2021", "span", None, None),
        ("i quit last week", "change", date(2024, 3, 24), None),
        ("i quit yesterday", "change", date(2024, 3, 30), None),
        ("i quit last month", "change", date(2024, 2, 1), None),
        ("i quit two years ago", "change", date(2022, 1, 1), None),
        ("my wedding is on 12 may 2027", "event", date(2027, 5, 12), None),
        ("my wedding is on may 12th, 2027", "event", date(2027, 5, 12), None),
        ("my wedding is on 2027-05-12", "event", date(2027, 5, 12), None),
        ("we were married on 18 june 2016", "event", date(2016, 6, 18), None),
        ("i was born in 1990", "event", date(1990, 1, 1), None),
        ("in may 2015 i graduated", "event", date(2015, 5, 1), None),
        ("my goal is to finish by june 2026", "event", date(2026, 6, 1), None),
        ("i am in rome from 3 may to 10 may 2026", "event", date(2026, 5, 3), date(2026, 5, 10)),
        ("i am in rome until 10 may 2026", "event", None, date(2026, 5, 10)),
        ("in 2019 i moved to berlin", "change", date(2019, 1, 1), None),
        ("i did not learn to swim until 2019", "span", date(2019, 1, 1), None),
        ("i didn't move out until may 2019", "change", date(2019, 5, 1), None),
        ("i can not drive until may 2027", "span", None, date(2027, 5, 31)),
        ("i live in a house from 1905", "span", None, None),
        ("i work there from 2027 on", "span", date(2027, 1, 1), None),
        ("from 2027 i work there", "span", date(2027, 1, 1), None),
        ("i work there from march 2027", "span", date(2027, 3, 1), None),
        ("my birthday is on 14 july", "event", None, None),
        ("my exam is on 31 february 2027", "event", None, None),
        ("i have lived here since 2020-13-45", "span", None, None),
    ],
)
def test_days(text: str, time: Time, since: date | None, until: date | None) -> None:
    expected = tuple(day.toordinal() if day else None for day in (since, until))
    assert days_of(text, time, SAID.toordinal()) == expected


def test_the_first_days_of_the_calendar_do_not_overflow() -> None:
    for text in ("i quit ten years ago", "i quit last month", "i quit last week", "i quit yesterday"):
        since, until = days_of(text, "change", 1)
        assert until is None
        assert since is None or since >= 1


def test_a_bare_number_is_no_day() -> None:
    assert not has_day("my test is number 12")
    assert has_day("my test is on 12 may")
    assert has_day("my test is next tuesday")
