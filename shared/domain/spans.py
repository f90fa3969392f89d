"""Spans of time as people type and read them."""

from __future__ import annotations

import re

_SPAN = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(s|m|min|h|d)", re.ASCII)
_SECONDS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


def seconds_of(value: object) -> object:
    """The seconds of `90s`, `30m`, `30min`, `12h` or `7d`; anything else as it is, a number of seconds
    perhaps, to be checked by whoever asks."""
    found = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    return value if found is None else float(found[1]) * _SECONDS[found[2]]


def span(seconds: float) -> str:
    """`45 s`, `4 min 50 s`, `1 h 5 min`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
