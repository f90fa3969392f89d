"""Times as exports write them: numbers, numeric strings, ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC).timestamp()
LATEST = datetime(2100, 1, 1, tzinfo=UTC).timestamp()
"""Times outside these bounds are mistakes of the export: no chat is older, no message lies decades ahead."""


def parse_time(value: object) -> float | None:
    """Unix seconds of `value`, or None where it is no plausible time.

    Takes seconds or milliseconds (as numbers or digits in a string) and ISO 8601; no zone means UTC.
    """
    if type(value) is float:
        if EARLIEST <= value < LATEST:
            return value
        return _plausible(value)
    if value is None:
        return None
    if type(value) is int:
        return _plausible(value)
    if isinstance(value, str):
        return _parse_text(value.strip())
    return None


def _parse_text(text: str) -> float | None:
    if len(text) > 40:
        return None
    try:
        return _plausible(float(text))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return _plausible(moment.timestamp())


def _plausible(seconds: float) -> float | None:
    if EARLIEST <= seconds < LATEST:
        return float(seconds)
    if EARLIEST * 1000 <= seconds < LATEST * 1000:
        return seconds / 1000
    return None
