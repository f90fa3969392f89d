"""What the searches for foreign text share."""

from __future__ import annotations

import re
from collections.abc import Iterator

BLANK = "\x00"
"""Stands for a character that is not the person's own. Exports hold no NUL: the chunker repairs text."""
LOOK_BACK = 200
"""Characters of a sentence that are looked at, before and after a word: bounded, so that time stays linear.
A search is told where they begin, and not given a slice of them: the end of "there" is no "here".
"""


def sentence_begin(text: str, at: int) -> int:
    """Where the sentence begins in which `at` stands, or the window before it."""
    begin = max(0, at - LOOK_BACK)
    return begin + max(map(text[begin:at].rfind, ".?!\n")) + 1


def hints(text: str, hints: tuple[str, ...]) -> bool:
    """True if one of `hints` stands in `text`: a quick look before a slow search."""
    for hint in hints:  # noqa: SIM110  (a loop is three times as fast as any() here)
        if hint in text:
            return True
    return False


REACH = 120
"""Characters on either side of a mark in which what it hints at stands as a whole: no pattern that is sought
by marks is so long."""


def near(text: str, marks: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """The stretches of `text` about its marks, in order, none overlapping another: a search of these alone
    finds what a slow search of the whole finds."""
    begin = end = -1
    for place in sorted(place for mark in marks for place in _places(text, mark)):
        if place - REACH > end:
            if end >= 0:
                yield begin, end
            begin = max(0, place - REACH)
        end = place + REACH
    if end >= 0:
        yield begin, end


def found_near(pattern: re.Pattern[str], text: str, marks: tuple[str, ...]) -> re.Match[str] | None:
    """The first match of a pattern about one of its marks: most texts have none."""
    if not hints(text, marks):
        return None
    for begin, end in near(text, marks):
        found = pattern.search(text, begin, end)
        if found is not None:
            return found
    return None


def _places(text: str, mark: str) -> Iterator[int]:
    place = text.find(mark)
    while place >= 0:
        yield place
        place = text.find(mark, place + 1)
