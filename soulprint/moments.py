"""Times as ops type them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from shared.domain.errors import UsageError

_SPAN = re.compile(r"([0-9]{1,5})(min|h|d)")
_UNITS = {"min": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_SHOWN = 40


_FURTHEST = timedelta(days=3660)


def moment_ahead(text: str, now: datetime) -> datetime:
    """`30min`, `12h` or `7d` from now; a date, at its beginning in UTC; a time with its offset. Raises
    UsageError, also for what is over, or ten years away."""
    found = _moment(text.strip(), now, 1)
    if found <= now:
        raise UsageError(f"{text[:_SHOWN]!a} is over: it is {now:%Y-%m-%d %H:%M} UTC")
    if found - now > _FURTHEST:
        raise UsageError(f"{text[:_SHOWN]!a} is more than ten years away: is the year right?")
    return found


def moment_ago(text: str, now: datetime) -> datetime:
    """The same, where `12h` is 12 hours ago. Raises UsageError, also for what is yet to come."""
    found = _moment(text.strip(), now, -1)
    if found > now:
        raise UsageError(f"{text[:_SHOWN]!a} is yet to come: it is {now:%Y-%m-%d %H:%M} UTC")
    return found


def _moment(text: str, now: datetime, direction: int) -> datetime:
    if span := _SPAN.fullmatch(text):
        return now + direction * int(span[1]) * _UNITS[span[2]]
    try:
        day = date.fromisoformat(text)
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text[:_SHOWN]!a} is no time: it is a span like 30min, 12h or 7d, a date like 2027-01-31, or a "
            "time with its offset like 2027-01-31T12:00:00Z"
        ) from None
    if found.tzinfo is None:
        raise UsageError(f"{text[:_SHOWN]!a} has no offset: say Z for UTC, or +02:00")
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise UsageError(f"{text[:_SHOWN]!a} is beyond the years that there are") from None
