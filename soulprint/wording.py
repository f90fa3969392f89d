"""Times, and what a person wrote, as commands print them."""

from __future__ import annotations

from datetime import datetime

from shared.domain.printable import on_one_line

_LONGEST = 200
"""Characters that are shown of what a person wrote."""


def at(moment: datetime) -> str:
    """A time, to the second."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def said(text: str) -> str:
    """What a person wrote, on one line, not without end."""
    line = on_one_line(text)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
