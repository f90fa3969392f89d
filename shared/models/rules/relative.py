"""Puts the calendar's days in the place of words that mean another day later: "last month" said in March 2024
is told as "in February 2024"."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import NamedTuple

from shared.english.words import words_of
from shared.models.rules.when import MONTH, MONTHS, NUMBERS, WEEKDAY

_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_NAMES = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_COUNT = r"(?:\d{1,2}|an?|one|two|three|four|five|six|seven|eight|nine|ten|a couple of)"
_RELATIVE = re.compile(
    r"(?<![\w'’-])(?P<prep>(?:on|in|during|at|over) (?:the )?)?(?:"
    r"(?P<day>the day before yesterday|yesterday|tomorrow|today|tonight|last night"
    r"|this (?:morning|afternoon|evening))"
    r"|(?P<which>last|next|this|this past|this coming|coming) (?P<period>week|weekend|month|year|spring"
    rf"|summer|autumn|fall|winter|{WEEKDAY}|{MONTH}|(?:mon|tues?|wed|thurs?|fri|(?-i:Sat|Sun))(?!\w))"
    rf"|(?P<count>{_COUNT}(?<!couple of)|a couple of(?= (?:day|week)))"
    r" (?P<unit>day|week|month|year)s? (?:ago|back(?= *$))"
    rf"|(?P<within>in (?P<number>{_COUNT}(?<!couple of)|a couple of(?= (?:day|week)))"
    r" (?P<ahead>day|week|month|year)s?(?= *$|[,.]))"
    rf"|(?P<weekday>on {WEEKDAY})(?! (?:morning|night|evening|afternoon)s)"
    rf"|(?P<dated>(?:in {MONTH}|on (?:the )?\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {MONTH}"
    rf"|on {MONTH} \d{{1,2}}(?:st|nd|rd|th)?))"
    r"(?! *,? *(?:19|20)\d\d)(?! (?:last|next|every|and|or|to|\d)\b)"
    r")(?P<part> (?:morning|afternoon|evening|night))?(?![\w'’-])(?! of\b)",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    r"\b(?:since|until|till|til|by|from|before|after|of|to|for|through|than)\s*$", re.IGNORECASE
)
"""What takes the place of the period's own preposition."""
_OF_PERIOD = re.compile(r" (?:is|was|has|will|marks?|marked)\b", re.IGNORECASE)
"""What tells of the period itself: "this year is our twentieth"."""
_NOT_AFTER = re.compile(
    r"\b(?:every|each|the|this time|for)\s*$|\b(?:which|that|who|whom|where|when|if|until)\b[^,;]*$",
    re.IGNORECASE,
)
"""What is told beside the statement has a time of its own, or none."""
_MONTH_BEFORE = re.compile(rf"(?<![\w'])(?:{MONTH})(?: of)?\s*$", re.IGNORECASE)
_YEARLY = re.compile(
    r"\b(?:every|each|always|usually|birthday|anniversary|weekly|never|mondays|off)\b", re.IGNORECASE
)
_DAY = re.compile(r"\d{1,2}")
_MONTH = re.compile(MONTH, re.IGNORECASE)
_DAYS = {"yesterday": -1, "tomorrow": 1, "last night": -1, "the day before yesterday": -2}
_LATER = re.compile(
    r"\b(?:will|going to|gonna|due|booked|scheduled|planned|planning|signed up|registered|invited|accepted"
    r"|tickets?|expecting|hoping"
    r"|(?:gets?|getting|is|are|am|be|being) (?:\w+ )?\w+ed)\b|['’]ll\b|['’](?:s|m|re) (?:being )?\w+ed\b",
    re.IGNORECASE,
)
_NOW = re.compile(
    r"\b(?:is|are|am|im|have|has|starts?|fl(?:y|ies)|go|goes|leaves?|moves?|begins?|opens?|gets?"
    r"|[a-z]{2,}ing)\b"
    r"|['’](?:m|s|re)\b",
    re.IGNORECASE,
)
_EARLIER = re.compile(
    r"\b(?:was|were|had|did|didn't|went|got|came|took|met|saw|gave|made|told|said|left|lost|won|broke"
    r"|bought|sold"
    r"|quit|fell|became|began|ran|wrote|built|taught|found|chose|flew|drove|swore|threw|hit|cut|put|tore"
    r"|ate|drank"
    r"|spent|sent|held|felt|kept|slept|woke|spoke|stood|paid|drew|sang|swam|rode|sat|stole|caught|brought"
    r"|thought"
    r"|fought|blew|grew|knew|rang|shook|wore|beat|wed|hung|bit|dug|lent|[a-z]{3,}ed)\b",
    re.IGNORECASE,
)
_AGO = re.compile(r"\b(?:ago|(?:last|next) (?:year|month|week))\b", re.IGNORECASE)


_HINTS = words_of(
    "yesterday tomorrow today tonight last next this coming ago back day days week weeks month months year "
    "years"
)
_HINTS_OF_EVENTS = MONTHS.keys() | {
    f"{day}day" for day in ("mon", "tues", "tue", "wednes", "thurs", "thur", "fri", "satur", "sun")
}
_MOST_DAYS, _MOST_WEEKS = 14, 4
"""How far a day and a week are told from another day: beyond, grounding does not reckon."""


class Told(NamedTuple):
    """A statement with the calendar's days."""

    words: str
    since: int | None
    """The first of them, as an ordinal; None where there are none."""


def resolved(words: str, said: int | None, *, event: bool) -> Told:
    """`words` said on the day `said`, with days and periods of the calendar for those that are told from it.
    Days of the week and of the year are looked at in an `event` only: else they come again."""
    if said is None or not _may_tell(words, event=event):
        return Told(words, None)
    today = date.fromordinal(said)
    first: list[int] = []

    def told(found: re.Match[str]) -> str:
        before = words[max(0, found.start() - 80) : found.start()]
        if _NOT_AFTER.search(before):
            return found[0]
        try:
            known = _told(found, today, words, event=event)
        except (ValueError, OverflowError):
            return found[0]
        if known is None:
            return found[0]
        text, day = known
        is_subject = found.start() == 0 and _OF_PERIOD.match(words, found.end())
        if is_subject or _BEFORE.search(before) or _MONTH_BEFORE.search(before):
            text = text.partition(" ")[2] or text
        first.append(day.toordinal())
        return text[0].upper() + text[1:] if found.start() == 0 else text

    return Told(_RELATIVE.sub(told, words), first[0] if first else None)


def _may_tell(words: str, *, event: bool) -> bool:
    """Whether a period may stand in the words, at little cost."""
    said = words.lower().replace(",", " ").replace(".", " ").split()
    return not _HINTS.isdisjoint(said) or (event and not _HINTS_OF_EVENTS.isdisjoint(said))


def _told(found: re.Match[str], today: date, words: str, *, event: bool) -> tuple[str, date] | None:
    """How a period is told, with its preposition, and its first day; None for what is not known."""
    if found["day"]:
        return _on(today + timedelta(days=_DAYS.get(found["day"].lower(), 0)))
    if found["which"]:
        step = {"last": -1, "this past": -1, "this": 0}.get(found["which"].lower(), 1)
        known = _of_period(found["period"].lower().rstrip("."), step, today)
        if (
            known is not None
            and not step
            and known[1] > today + timedelta(days=7)
            and _is_over(_part(words, found))
        ):
            known = _of_period(found["period"].lower().rstrip("."), -1, today)
        return known
    if found["count"]:
        return _away(-_number(found["count"]), found["unit"].lower(), today)
    if found["within"]:
        return (
            None if _EARLIER.search(words) else _away(_number(found["number"]), found["ahead"].lower(), today)
        )
    if not event or _YEARLY.search(words):
        return None
    if _AGO.search(words) is not None:
        return None
    part = _part(words, found)
    words = part if _EARLIER.search(part) or _NOW.search(part) else words
    later = _LATER.search(words) is not None
    if not later and _EARLIER.search(words) is None:
        if _NOW.search(words) is None:
            return None
        later = True
    if found["weekday"]:
        return _on(_weekday(found["weekday"][3:].lower(), 1 if later else -1, today))
    return _dated(found["dated"], today, later=later)


def _part(words: str, found: re.Match[str]) -> str:
    """The words between the commas about a period."""
    end = words.find(",", found.end())
    return words[words.rfind(",", 0, found.start()) + 1 : end if end >= 0 else len(words)]


def _is_over(words: str) -> bool:
    return _LATER.search(words) is None and _EARLIER.search(words) is not None


def _number(text: str) -> int:
    return int(text) if text.isdigit() else NUMBERS[text.lower()]


def _on(day: date) -> tuple[str, date]:
    return f"on {day.day} {_NAMES[day.month - 1]} {day.year}", day


def _in(year: int, month: int) -> tuple[str, date]:
    return f"in {_NAMES[month - 1]} {year}", date(year, month, 1)


def _of_period(period: str, step: int, today: date) -> tuple[str, date] | None:
    if period == "week":
        day = today - timedelta(days=today.weekday()) + timedelta(days=7 * step)
        return f"in the week of {_on(day)[0][3:]}", day
    if period == "weekend":
        saturday = today - timedelta(days=today.weekday()) + timedelta(days=5 + 7 * step)
        if step < 0 and today - saturday > timedelta(days=7):
            saturday += timedelta(days=7)
        return f"on the weekend of {_on(saturday)[0][3:]}", saturday
    if period in ("month", "year"):
        return _away(step, period, today)
    if period in _SEASONS:
        year = _year_of(_SEASONS[period], step, today)
        return f"in {period} {year}", date(year, _SEASONS[period], 1)
    if period[:3] in _WEEKDAYS:
        return _on(_weekday(period, step, today))
    month = MONTHS[period]
    return _in(_year_of(month, step, today), month)


def _year_of(month: int, step: int, today: date) -> int:
    """The year of the last, this or next month of the name."""
    if step < 0:
        return today.year - (month >= today.month)
    return today.year + (step > 0 and month <= today.month)


def _weekday(name: str, step: int, today: date) -> date:
    ahead = (_WEEKDAYS.index(name[:3]) - today.weekday()) % 7
    if step < 0:
        return today - timedelta(days=(7 - ahead) if ahead else 7)
    return today + timedelta(days=ahead or (7 if step else 0))


def _away(count: int, unit: str, today: date) -> tuple[str, date] | None:
    if abs(count) > {"day": _MOST_DAYS, "week": _MOST_WEEKS}.get(unit, abs(count)):
        return None
    if unit == "day":
        return _on(today + timedelta(days=count))
    if unit == "week":
        day = today + timedelta(days=7 * count)
        return _in(day.year, day.month)[0], day
    if unit == "month":
        months = today.year * 12 + today.month - 1 + count
        return _in(months // 12, months % 12 + 1)
    return f"in {today.year + count}", date(today.year + count, 1, 1)


def _dated(text: str, today: date, *, later: bool) -> tuple[str, date] | None:
    """A day or month without its year: the next one, or the last."""
    number = _DAY.search(text)
    name = _MONTH.search(text, 3 if number is None else number.end()) or _MONTH.search(text, 3)
    if name is None:
        return None
    month, day = MONTHS[name[0].lower().rstrip(".")], int(number[0]) if number is not None else 1
    year = today.year
    if later and (month, day) < (today.month, today.day if number is not None else 1):
        year += 1
    if not later and (month, day) > (today.month, today.day):
        year -= 1
    return f"{text} {year}", date(year, month, day)
