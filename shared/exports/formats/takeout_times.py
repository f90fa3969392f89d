"""Times as Takeout's HTML writes them, in the account's language: `Apr 12, 2026, 3:34:31 PM EDT`,
`18.04.2026, 17:38:51 MESZ`, `2026/09/02 12:12:52 JST`, `2 wrz 2026, 12:12:52 CEST`."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime

from shared.exports.formats.times import parse_time

_LONGEST = 80
_CLOCK = re.compile(r"(?<!\d)(\d{1,2})[:.時](\d{2})[:.分](\d{2})(?:秒)?(?!\d)")
_YEAR_FIRST = re.compile(r"(?<!\d)((?:19|20)\d{2})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})(?!\d)")
_YEAR_LAST = re.compile(r"(?<!\d)(\d{1,2})[-/.]\s?(\d{1,2})[-/.]\s?((?:19|20)\d{2})(?!\d)")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d{2}(?!\d)")
_DAY = re.compile(r"(?<!\d)\d{1,2}(?!\d)")
_WORD = re.compile(r"[^\W\d_]+")
_OFFSET = re.compile(r"(?:GMT|UTC)\s*([+\-−])\s*(\d{1,2})(?::?(\d{2}))?")
_AFTERNOON = re.compile(r"\bp\.?\s?m\b|午後|下午|오후", re.IGNORECASE)
_MORNING = re.compile(r"\ba\.?\s?m\b|午前|上午|오전", re.IGNORECASE)
_MOST_WORDS = 6
"""Words beside the numbers: month, `de` twice, morning or afternoon, zone. A sentence has more."""

_MONTHS = (
    "jan janv ene gen ian oca sty янв січ ιαν",
    "feb févr fev sub şub lut фев лют φεβ",
    "mar mär marz mars març maart márc мар бер μαρ",
    "apr avr abr ápr nis kwi апр квіт απρ",
    "may mai mei mag maj máj maio мая май трав μαι",
    "jun juin giu cze haz iun jún июн черв ιουν",
    "jul juil lug lip tem iul júl июл лип ιουλ",
    "aug août ago agu ağu sie авг серп αυγ",
    "sep sept set szep wrz eyl сен вер σεπ",
    "oct okt ott out paz paź eki окт жовт οκτ",
    "nov lis kas ноя лист νοε",
    "dec déc dic dez des gru ara дек груд δεκ",
)
_ZONES = {
    **dict.fromkeys(("UTC", "GMT", "WET", "Z"), 0.0),
    **dict.fromkeys(("BST", "WEST", "CET", "MEZ", "WAT"), 1.0),
    **dict.fromkeys(("CEST", "MESZ", "EET", "OEZ", "SAST", "CAT"), 2.0),
    **dict.fromkeys(("EEST", "OESZ", "MSK", "EAT", "TRT"), 3.0),
    **dict.fromkeys(("EDT", "AST"), -4.0),
    **dict.fromkeys(("EST", "CDT"), -5.0),
    **dict.fromkeys(("CST", "MDT"), -6.0),
    **dict.fromkeys(("MST", "PDT"), -7.0),
    **dict.fromkeys(("PST", "AKDT"), -8.0),
    **dict.fromkeys(("ART", "BRT", "ADT"), -3.0),
    **dict.fromkeys(("HKT", "SGT", "AWST", "PHT"), 8.0),
    **dict.fromkeys(("JST", "KST"), 9.0),
    "AKST": -9.0, "HST": -10.0, "NST": -3.5, "NDT": -2.5, "PKT": 5.0, "IST": 5.5, "NPT": 5.75, "WIB": 7.0,
    "ICT": 7.0, "ACST": 9.5, "ACDT": 10.5, "AEST": 10.0, "AEDT": 11.0, "NZST": 12.0, "NZDT": 13.0,
}  # fmt: skip
"""Hours ahead of UTC of the zones Takeout abbreviates. `IST` is India's; with 年, `CST` is China's."""


def looks_like_time(text: str) -> bool:
    """True if the whole of `text` seems to be a date with a time to the second, and nothing else."""
    return (
        len(text) <= _LONGEST
        and _CLOCK.search(text) is not None
        and _YEAR.search(text) is not None
        and len(_WORD.findall(text)) <= _MOST_WORDS
    )


def parse_activity_time(text: str) -> float | None:
    """Unix seconds of a time like those above, or None. Without a zone that is known, UTC.

    Of two numbers that may both be the day, the first is: only English puts the month first, and it names it.
    """
    text = text[:_LONGEST]
    clock = _CLOCK.search(text)
    if clock is None:
        return None
    date = _date(text[: clock.start()]) or _date(text[clock.end() :])
    if date is None:
        return None
    hour = int(clock[1])
    if _AFTERNOON.search(text) and hour < 12:
        hour += 12
    elif _MORNING.search(text) and hour == 12:
        hour = 0
    try:
        moment = datetime(*date, hour, int(clock[2]), int(clock[3]), tzinfo=UTC)
    except ValueError:
        return None
    return parse_time(moment.timestamp() - 3600 * _zone(text))


def _date(text: str) -> tuple[int, int, int] | None:
    found = _YEAR_FIRST.search(text)
    if found:
        return int(found[1]), int(found[2]), int(found[3])
    found = _YEAR_LAST.search(text)
    if found:
        first, second = int(found[1]), int(found[2])
        return (int(found[3]), first, second) if second > 12 else (int(found[3]), second, first)
    year = _YEAR.search(text)
    if year is None:
        return None
    month = next((number for word in _WORD.findall(text) if (number := _month(word))), None)
    day = _DAY.search(text)
    return (int(year[0]), month, int(day[0])) if month and day else None


def _zone(text: str) -> float:
    offset = _OFFSET.search(text)
    if offset:
        hours = int(offset[2]) + int(offset[3] or 0) / 60
        return hours if offset[1] == "+" else -hours
    if "年" in text and "CST" in text:
        return 8.0
    return next((_ZONES[word] for word in reversed(_WORD.findall(text)) if word in _ZONES), 0.0)


def _folded(word: str) -> str:
    decomposed = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


_MONTH_NUMBERS = {_folded(word): number for number, words in enumerate(_MONTHS, 1) for word in words.split()}


def _month(word: str) -> int | None:
    word = _folded(word)
    return _MONTH_NUMBERS.get(word[:4]) or _MONTH_NUMBERS.get(word[:3])
