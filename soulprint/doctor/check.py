"""What is said of one thing looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `advice` says what to do: it must be done where `ok` is false, else it may be."""

    name: str
    ok: bool
    found: str
    advice: str = ""

    @property
    def word(self) -> str:
        """How it is, in a word."""
        if not self.ok:
            return "missing"
        return "note" if self.advice else "ok"


def found_if(name: str, ok: bool, found: str, advice: str) -> Check:
    """A check whose advice is for where it fails."""
    return Check(name, ok, found, "" if ok else advice)


def named(things: Sequence[str], mark: str = ", ") -> str:
    """Some of many things with `mark` between them, and how many more there are."""
    more = len(things) - _MOST_NAMED
    return mark.join(things[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
