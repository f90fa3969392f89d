"""The day until which a statement is a plan: what it names that was still to come when it was said.

Read from the words where the statement itself is bound to no day: `I'm running the Porto half marathon on 14
September 2025`, `My last day at Caravela is 28 February`. A day without a year is the next of its name.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, timedelta

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_MONTH = r"(?P<{0}>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_NAMED = re.compile(
    rf"\b(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {_MONTH.format('m1')}\b,?(?: (?P<y1>20\d\d)\b)?"
    rf"|\b{_MONTH.format('m2')} (?P<day2>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\d),?(?: (?P<y2>20\d\d)\b)?"
    rf"|\b(?:in|by|of|this|before) {_MONTH.format('m3')}\b,?(?: (?P<y3>20\d\d)\b)?"
    r"|\bon (?:the )?(?P<weekday>mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?P<near>tonight|tomorrow"
    r"|this weekend|next (?:week|month)|this (?:week|month))\b",
    re.IGNORECASE,
)
_HINT = re.compile(
    r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|on (?:the )?(?:mon|tue|wed|thu|fri|sat|sun)"
    r"|toni|tomo|this|next)"
)
"""How the names of days begin: told by it in less time that there is none, as mostly there is not."""
_NEAR = {"tonight": 1, "tomorrow": 1, "this weekend": 7, "this week": 7, "next week": 14}
_TO_COME = re.compile(
    r"^(?:interview|appointment|exam|audition|flight|meeting|rehearsal|surgery) (?:on|in|at)\b|^tomorrow\b"
    r"|\b(?:will|turns|have (?:an?|my|our)|going to|plans? to|hopes? to|wants? to|decided to|booked|due"
    r"|deadline|starts?|flies|fly|leaves?|get the keys"
    r"|(?:am|is|are|we're|i'm|they're|'m|'re) (?:\w+ing|in|away|off|at|on|due)|(?:day|exam|test"
    r"|interview|flight|appointment"
    r"|surgery|operation|wedding|deadline|concert|race|viva|move|trip|holiday|meeting|launch|party"
    r"|course)(?: [\w']+){0,4} is)\b"
    r"|'ll\b",
    re.IGNORECASE,
)
_RECURS = re.compile(
    r"\b(?:birthday|anniversary|every|each|always|usually|annual(?:ly)?|yearly|monthly|weekly|since|ago"
    r"|last|born|was|were"
    r"|regularly|starting|name day|tradition\w*)\b(?<!my last)(?<!our last)",
    re.IGNORECASE,
)
"""What comes again, or was: no plan."""


def recurs(statement: str) -> bool:
    """True for what has a day every year, and for what tells of the past."""
    return _RECURS.search(statement) is not None


def planned_day(statement: str, said: date) -> date | None:
    """The last day of what `statement` plans, as said on day `said`; None without a plan or a day."""
    if _HINT.search(statement.casefold()) is None:
        return None
    found = _NAMED.search(statement)
    if found is None or _TO_COME.search(statement) is None or recurs(statement):
        return None
    if found["near"]:
        near = " ".join(found["near"].casefold().split())
        return said + timedelta(days=_NEAR.get(near, 62))
    if found["weekday"]:
        return said + timedelta(days=7)
    name = found["m1"] or found["m2"] or found["m3"]
    month = next(at for at, full in enumerate(_MONTHS, 1) if full.startswith(name.casefold()))
    year = found["y1"] or found["y2"] or found["y3"]
    day = int(found["day"] or found["day2"] or 31)
    for one in (int(year),) if year else (said.year, said.year + 1):
        due = date(one, month, min(day, monthrange(one, month)[1]) or 1)
        if due >= said:
            return due
    return None
