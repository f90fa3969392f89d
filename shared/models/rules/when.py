"""From when and until when a statement holds, as far as its own words say so.

Days are proleptic ordinals (`datetime.date.toordinal`). A named period counts from its first day to its last:
"until March 2025" ends on 31 March 2025. Relative words ("last week") count from the day of the message.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Literal

Time = Literal["span", "change", "event"]
"""How a rule's statement relates to time: holds over a span ("since 2019"), began with a change ("moved in
2021", "quit last week"), or happens on a day ("my exam is on 15 May"), which is no end: it stays true."""

Days = tuple[int | None, int | None]

MONTHS = {
    name: number
    for number, names in enumerate(
        ("january jan", "february feb", "march mar", "april apr", "may", "june jun", "july jul", "august aug",
         "september sep sept", "october oct", "november nov", "december dec"), start=1)
    for name in names.split()
}  # fmt: skip
MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?"
)
WEEKDAY = r"(?:mon|tues?|wednes|thurs?|fri|satur|sun)day"
_YEAR = r"(?:19|20)\d\d"
_POINT = (
    rf"(?:(?P<iso>{_YEAR}-\d\d-\d\d)|(?:the )?(?P<d1>\d{{1,2}})(?:st|nd|rd"
    rf"|th)?(?: of)? (?P<m1>{MONTH})(?:,? (?P<y1>{_YEAR}))?|(?P<m2>{MONTH}) (?P<d2>\d{{1,2}})(?:st|nd|rd"
    rf"|th)?(?!\d)(?:,? (?P<y2>{_YEAR}))?|(?P<m3>{MONTH})(?: of)? (?P<y3>{_YEAR})|(?:early |late |mid-?"
    rf"|about |around |roughly )?(?P<y4>{_YEAR})(?![\d-]))"
)
_NAMES = re.compile(r"\?P<\w+>")
_ANY_POINT = _NAMES.sub("?:", _POINT)
_SINCE = re.compile(
    rf"(?:\b(?:since|starting(?: in| on)?|as of)|^from|\bfrom(?! {_YEAR}(?!-| on(?:wards?)?\b)))"
    rf" ({_ANY_POINT})"
)
"""A bare year after "from" tells how old a thing is ("a house from 1905"), unless it goes on from there."""
_UNTIL = re.compile(rf"\b(?:until|till|til|through|up to) ({_ANY_POINT})")
_NOT_UNTIL = re.compile(rf"\b(?:did not|didn't|didnt) .*?\b(?:until|till|til) ({_ANY_POINT})")
_RANGE = re.compile(rf"\b(?:from|between) ({_ANY_POINT}) (?:to|until|till|and|-|–) ({_ANY_POINT})")
_AT = re.compile(rf"\b(?:in|on|by|around|back in|is|,) ?({_ANY_POINT})")
_POINT_ALONE = re.compile(_POINT)
_DIGIT = re.compile(r"\d")
_RELATIVE = re.compile(
    r"\b(?P<yesterday>yesterday)\b|\b(?P<last>last|this|next) (?P<period>week|month|year)\b"
    r"|\b(?P<count>\d{1,2}|a|an|one|two|three|four|five|six|seven|eight|nine|ten|a couple of) (?P<unit>day"
    r"|week|month|year)s? ago\b"
)
NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "a": 1, "an": 1, "a couple of": 2,
}  # fmt: skip
_HAS_DAY = re.compile(
    rf"\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {MONTH}(?![a-z])|\b{MONTH} (?:the )?\d{{1,2}}|\d{{4}}-\d\d-\d\d"
    rf"|\b\d{{1,2}}[/.]\d{{1,2}}(?:[/.]\d{{2,4}})?\b|\b(?:next|this|coming) (?:week|month|year|summer"
    rf"|spring|autumn|fall|winter|weekend|{MONTH}|{WEEKDAY})\b|\b(?:in|by|until|late|early|mid|end of"
    rf"|start of) {MONTH}(?![a-z])|\b(?:in|by|before|for) {_YEAR}\b|\bon (?:{WEEKDAY}|the \d{{1,2}}(?:st|nd"
    rf"|rd|th))\b|\b(?:at|on|over|before|after) (?:christmas|easter|new year)|\btomorrow\b"
    rf"|\b(?:{MONTH}) {_YEAR}\b"
)


def has_day(text: str) -> bool:
    """True if folded `text` names a day or a period of the calendar."""
    return _HAS_DAY.search(text) is not None


def days_of(text: str, time: Time, said: int | None) -> Days:
    """(valid from, valid until) of a folded statement said on day `said`."""
    if _DIGIT.search(text) is None:  # which all points in time have
        return (_relative(text, said) if time == "change" else None), None
    span = _RANGE.search(text)
    if span is not None:
        return _first_day(_with_year(span[1], span[2])), _last_day(_with_year(span[2], span[1]))
    late = _NOT_UNTIL.search(text)
    if late is not None:
        return _first_day(late[1]), None
    since, until = _SINCE.search(text), _UNTIL.search(text)
    if since is not None or until is not None:
        return _first_day(since[1]) if since else None, _last_day(until[1]) if until else None
    if time == "span":
        return None, None
    at = _AT.search(text)
    if at is not None:
        return _first_day(at[1]), None
    return (_relative(text, said) if time == "change" else None), None


def _with_year(point: str, other: str) -> str:
    return point if re.search(_YEAR, point) or not (year := re.search(_YEAR, other)) else f"{point} {year[0]}"


def _parts(point: str) -> tuple[int, int | None, int | None] | None:
    """(year, month, day) of a point in time; None without a year, since a day of any year is no date."""
    found = _POINT_ALONE.match(point)
    if found is None:
        return None
    if found["iso"]:
        year, month, day = map(int, found["iso"].split("-"))
        return year, month, day
    year_text = found["y1"] or found["y2"] or found["y3"] or found["y4"]
    if year_text is None:
        return None
    name = found["m1"] or found["m2"] or found["m3"]
    number = found["d1"] or found["d2"]
    return int(year_text), MONTHS[name.rstrip(".")] if name else None, int(number) if number else None


def _ordinal(year: int, month: int, day: int) -> int | None:
    try:
        return date(year, month, day).toordinal()
    except ValueError:
        return None


def _first_day(point: str) -> int | None:
    parts = _parts(point)
    return None if parts is None else _ordinal(parts[0], parts[1] or 1, parts[2] or 1)


def _last_day(point: str) -> int | None:
    parts = _parts(point)
    if parts is None:
        return None
    year, month, day = parts
    if day is not None and month is not None:
        return _ordinal(year, month, day)
    following = _ordinal(year + 1, 1, 1) if month in (None, 12) else _ordinal(year, (month or 0) + 1, 1)
    return following - 1 if following is not None else None


def _relative(text: str, said: int | None) -> int | None:
    """The day a change happened that is told relative to the message; weeks to the day, months and years to
    the first.
    """
    found = _RELATIVE.search(text)
    if found is None or said is None:
        return None
    if found["yesterday"]:
        return _back(said, 1, "day")
    if found["last"]:
        back = {"last": 1, "this": 0, "next": -1}[found["last"]]
        return _back(said, back, found["period"])
    count = found["count"]
    return _back(said, int(count) if count.isdigit() else NUMBERS[count], found["unit"])


def _back(said: int, count: int, unit: str) -> int | None:
    if unit in ("day", "week"):
        back = said - count * (7 if unit == "week" else 1)
        return back if back >= 1 else None
    today = date.fromordinal(said)
    if unit == "year":
        return _ordinal(today.year - count, 1, 1) if 1 <= today.year - count <= 9999 else None
    months = today.year * 12 + today.month - 1 - count
    return _ordinal(months // 12, months % 12 + 1, 1)
