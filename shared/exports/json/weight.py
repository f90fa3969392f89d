"""What JSON takes in memory once it is parsed, told from its bytes before it is: never too little.

Most conversations are too small to matter, and nothing is looked at. Of a large one, marks are counted first,
as if no text held any and every character were of the widest kind; only where that is too much are its
strings looked at one by one.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from shared.exports.conversation import ReadLimits

_COSTS = ((b"{", 232), (b"[", 104), (b",", 64), (b'"', 32), (b":", 24))
"""Bytes that CPython and the parser take for what a mark stands for, measured over the worst of its kind."""
MOST_FOLD = 80
"""No bytes become more than so many times as many: what is smaller than a cap by that is not looked at."""
_SHORT = 64
"""Bytes of a string whose marks are not worth a look."""
_STRING = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)
"""One that never ends is one all the same: else each quote in it would be looked behind again."""
_CONTINUED = bytes(range(0x80, 0xC0))
_NOT_NARROW = re.compile(rb"[\x80-\xff]|\\u")
_WIDEST = re.compile(rb"[\xf0-\xff]|\\u[dD][89abAB]")
_WIDE = re.compile(rb"[\xc4-\xff]|\\u(?!00)")
_REPAIRED = re.compile(rb"\\u0000|\\u3010|\\u[eE]20|\xe3\x80\x90|\xee\x88|\xed[\xa0-\xbf]|\x00")
"""What `shared.domain.text.repair` takes out: the text is then there again, as one joined of parts is."""


def weight_of(data: bytearray, begin: int, end: int, cap: int, longest: int) -> int:
    """Bytes that the value between `begin` and `end` takes once it is parsed, at most; something above `cap`
    where that is more than `cap`, or where one string of it takes more than `longest`."""
    size = end - begin
    if size * MOST_FOLD <= cap:
        return size * MOST_FOLD
    marks = sum(cost * data.count(mark, begin, end) for mark, cost in _COSTS)
    text = size * 8 if _NOT_NARROW.search(data, begin, end) else size
    if marks + text <= cap and text <= longest:
        return marks + text
    return _exactly(data, begin, end, marks, cap, longest)


def _exactly(data: bytearray, begin: int, end: int, marks: int, cap: int, longest: int) -> int:
    """The same by a look at each string: marks in a text are none, and most texts are narrow."""
    weight = marks
    most_strings = cap // (2 * dict(_COSTS)[b'"'])
    for number, found in enumerate(_STRING.finditer(data, begin, end)):
        first, last = found.span()
        if number > most_strings:
            return cap + 1
        if last - first <= _SHORT:
            weight += 4 * (last - first)
            continue
        text = found[0]
        own = _of_text(text)
        if own > longest:
            return cap + 1
        copies = 3 if _REPAIRED.search(text) else 2 if own > 2 * len(text) else 1
        weight += copies * own - sum(cost * data.count(mark, first + 1, last - 1) for mark, cost in _COSTS)
    return weight


def _of_text(text: bytes) -> int:
    if _NOT_NARROW.search(text) is None:
        return len(text)
    text = text.replace(rb"\\", b".")  # what stands behind such a pair is no escape
    width = 4 if _WIDEST.search(text) else 2 if _WIDE.search(text) else 1
    characters = len(text.translate(None, _CONTINUED)) - 5 * text.count(b"\\u")
    return max(characters, 0) * width


def too_heavy(limits: ReadLimits) -> str:
    """Why a conversation of such a weight is rejected."""
    return (
        f"it would take more than {limits.conversation_memory} bytes of memory, or one text of it more than "
        f"{limits.text_memory}, the caps on one conversation"
    )


def held(value: object) -> int:
    """Bytes that a parsed value takes; `weight_of` is for what is still to be parsed."""
    return sum(map(sys.getsizeof, _within(value)))


def _within(value: object) -> Iterator[object]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        yield one
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
