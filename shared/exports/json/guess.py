"""Guessing where a JSON value ends by how its successor begins (see `stream.py`)."""

from __future__ import annotations

import re

MAX_PAUSE = 1024
"""Most values scanned before guessing is tried again in a file where it keeps failing."""
MAX_GAP = 64
"""Most bytes between two values of a list: white space and a comma."""

_KEY = rb'"(?:[^"\\]|\\.){1,100}"[ \t\r\n]*:'
_SIMPLE = rb'(?:"(?:[^"\\]|\\.){0,2000}"|[^"{}\[\],: \t\r\n]+)'
_NEXT_KEY = rb"[ \t\r\n]*" + _SIMPLE + rb"[ \t\r\n]*,[ \t\r\n]*"
_BEGINNING = re.compile(rb"(\{[ \t\r\n]*" + _KEY + rb")(?:" + _NEXT_KEY + rb"(" + _KEY + rb"))?", re.DOTALL)


class Guess:
    """How the conversations of one list begin, and whether guessing by it works.

    What a wrong guess looked at is owed: nothing is guessed before as many bytes were read without. So all
    guesses of a file together look at no more than twice its bytes, however it makes them go wrong.
    """

    def __init__(self) -> None:
        self.first_key = b""
        """`{"title":` as the file writes it, or nothing while unknown."""
        self._second_key: re.Pattern[bytes] | None = None
        self._misses = 0
        self._pause = 0
        self._owed = 0

    def learn(self, buffer: bytearray, position: int) -> None:
        """Take the beginning of the value at `position` for that of every value."""
        found = _BEGINNING.match(buffer, position)
        self.first_key = found[1] if found else b""
        second = found[2] if found else None
        self._second_key = re.compile(_NEXT_KEY + re.escape(second), re.DOTALL) if second else None

    def resting(self) -> bool:
        """True while guessing is paused; counts one value."""
        if self._pause:
            self._pause -= 1
            return True
        return self._owed > 0

    def pay(self, size: int) -> None:
        """Count a value of so many bytes whose end was found by the scan."""
        self._owed = max(0, self._owed - size)

    def hit(self) -> None:
        self._misses = 0

    def miss(self, looked: int) -> None:
        """The guess was wrong, and so many bytes were looked at for it."""
        self._owed += looked
        self._misses += 1
        self._pause = min(2**self._misses, MAX_PAUSE)
        self.first_key = b""

    def find(self, buffer: bytearray, start: int, begin: int) -> int:
        """The guessed end of the value at `start`, looking for its successor from `begin` on; -1: none."""
        first, second = self.first_key, self._second_key
        while (found := buffer.find(first, begin)) >= 0:
            begin = found + 1
            if second is not None and second.match(buffer, found + len(first)) is None:
                continue
            low = max(start, found - MAX_GAP)
            before = buffer[low:found].rstrip()
            if before.endswith(b","):
                before = before[:-1].rstrip()
                if before.endswith(b"}"):
                    return low + len(before)
        return -1
