"""A window on a JSON stream that finds where values end and hands them out parsed (see `stream.py`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import orjson

from shared.domain.errors import BrokenExportError
from shared.exports.conversation import LARGE, LARGE_AHEAD, ReadLimits, Rejected
from shared.exports.json.guess import Guess
from shared.exports.json.keys import top_keys
from shared.exports.json.value import NotJsonError, parse_json
from shared.exports.json.weight import too_heavy, weight_of

WINDOW = 256 * 1024
"""Bytes read at a time."""
GUESS_BYTES = 1024 * 1024
"""How far a guess looks for the end of a value; larger values are scanned."""
LOOK_AHEAD = 4096
"""Bytes wanted behind a guessed end, so that the next value's beginning can be recognised."""
OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT = b"[]{}"
_NONE = object()  # no value: `None` is one
_QUOTE, _COMMA, _COLON = b'",:'
_BRACKETS_AND_QUOTE = b'{["'

_SPACE = re.compile(rb"[ \t\r\n]*")
_OUTSIDE = re.compile(rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
"""Everything up to the next bracket, whole strings included."""
_INSIDE = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
"""The rest of a string, up to its closing quote."""
_SCALAR = re.compile(rb'[^"{}\[\],: \t\r\n]*')


class ValueReader:
    """The stream from the current position on. Holds one value and a window in memory."""

    def __init__(self, stream: BinaryIO, member: str, limits: ReadLimits) -> None:
        self._stream = stream
        self._member = member
        self._limit = limits.conversation_bytes
        self._limits = limits
        self._buffer = bytearray()
        self._position = 0
        self._dropped = 0
        self._count = 0
        self._ended = False
        self._failure: BrokenExportError | None = None
        self._guess = Guess()
        self._lines_tried = 0
        self._fill()
        if self._buffer.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise self.broken("it is UTF-16; save it as UTF-8")
        if self._buffer.startswith(b"\xef\xbb\xbf"):
            self._position = 3

    def peek(self) -> int | None:
        """The next byte that is not white space, or None at the end; the position moves to it."""
        while True:
            found = _SPACE.match(self._buffer, self._position)
            if found is not None:
                self._position = found.end()
                del found  # it would keep the buffer from being resized
            if self._position < len(self._buffer):
                return self._buffer[self._position]
            if not self._fill():
                if self._failure is not None:
                    raise self.broken(self._failure.reason)
                return None

    def broken(self, reason: str) -> BrokenExportError:
        """The error that says the file breaks here; where the stream itself failed, with its reason."""
        if self._failure is not None:
            reason = self._failure.reason
        place = f"byte {self._dropped + self._position}, after conversation {self._count}"
        return BrokenExportError(self._member, place, reason)

    def elements(self) -> Iterator[Any]:
        """The values of the list that begins here."""
        self._position += 1
        self._guess = Guess()
        while (byte := self.peek()) != CLOSE_LIST:
            if byte is None:
                raise self.broken("the file ends inside the list of conversations")
            yield from self.value()
            byte = self.peek()
            if byte == _COMMA:
                self._position += 1
            elif byte != CLOSE_LIST and byte is not None:
                raise self.broken("no comma stands between two conversations")
        self._position += 1

    def within(self, paths: Sequence[tuple[str, ...]]) -> Iterator[Any]:
        """The values of the lists at `paths` (keys, outermost first) of the object that begins here."""
        self._position += 1
        while (byte := self.peek()) != CLOSE_OBJECT:
            if byte != _QUOTE:
                raise self.broken("the file ends inside an object" if byte is None else "no key stands here")
            key = self._key()
            deeper = [path[1:] for path in paths if path[0] == key]
            byte = self.peek()
            if byte == OPEN_LIST and () in deeper:
                yield from self.elements()
            elif byte == OPEN_OBJECT and any(deeper):
                yield from self.within([path for path in deeper if path])
            else:
                yield from self.skip()
            if self.peek() == _COMMA:
                self._position += 1
        self._position += 1

    def lines(self) -> Iterator[Any]:
        """The values of the lines from here on, if the first of them is a whole value; else nothing. What
        stands on a line is tried once, however many values that are."""
        if self._dropped + self._position < self._lines_tried:
            return
        end = self._line_end(GUESS_BYTES)
        self._lines_tried = self._dropped + end
        with memoryview(self._buffer) as view:
            try:
                orjson.loads(view[self._position : end])
            except orjson.JSONDecodeError:
                return
        while self.peek() is not None:
            end = self._line_end(min(LARGE, self._limit))
            if end - self._position > LARGE:
                yield LARGE_AHEAD
                end = self._line_end(self._limit)
            if end - self._position > self._limit:
                begin = self._dropped + self._position
                while self._buffer.find(b"\n", self._position) < 0 and not self._ended:
                    self._position = len(self._buffer)
                    self._fill()
                end = self._buffer.find(b"\n", self._position)
                self._position = end if end >= 0 else len(self._buffer)
                yield self._too_large(begin)
            else:
                yield self._take(end)

    def value(self) -> Iterator[Any]:
        """The value that begins here or a Rejected, after LARGE_AHEAD where it is large. Moves behind it."""
        guess, guessed = self._guess, 0
        if not guess.resting():
            guessed = self._guessed_size() if self._knows_beginning() else 0
            value = self._by_guess(guessed) if 0 < guessed <= self._limit else _NONE
            if value is not _NONE:
                yield value
                return
        begin = self._dropped + self._position
        size = self._scan(hold=self._limit, stop=LARGE)
        if size < 0:
            yield LARGE_AHEAD
            size = self._scan(hold=self._limit)
        if 0 < guessed <= self._limit and size != guessed:
            guess.miss(guessed)
        guess.pay(size)
        yield self._too_large(begin) if size > self._limit else self._take(self._position + size)

    def skip(self) -> Iterator[Any]:
        """Step over the value that begins here; yields LARGE_AHEAD where it is large, and nothing else."""
        size = self._scan(hold=LARGE, stop=LARGE)
        if size < 0:
            yield LARGE_AHEAD
            self._scan(hold=0)
        else:
            self._position += size

    def top_keys(self) -> set[str]:
        """Keys of the object that begins here, as far as they lie in the window."""
        return top_keys(self._buffer, self._position)

    def _key(self) -> str:
        begin = self._dropped + self._position
        most = min(self._limit, LARGE)
        size = self._scan(hold=most)
        key = self._too_large(begin) if size > most else self._take(self._position + size)
        self._count -= 1
        if not isinstance(key, str) or self.peek() != _COLON:
            raise self.broken("no key stands here")
        self._position += 1
        return key

    def _knows_beginning(self) -> bool:
        if not self._guess.first_key:
            self._guess.learn(self._buffer, self._position)
        return bool(self._guess.first_key)

    def _by_guess(self, size: int) -> Any:
        """The value of these bytes, or _NONE where they are not one."""
        try:
            with memoryview(self._buffer) as view:
                value = orjson.loads(view[self._position : self._position + size])
        except orjson.JSONDecodeError:
            return _NONE
        self._guess.hit()
        self._position += size
        self._count += 1
        return value

    def _guessed_size(self) -> int:
        """How long the value that begins here is by the guess; 0: unknown."""
        begin = 1
        while True:
            length = len(self._buffer)
            end = self._guess.find(self._buffer, self._position, self._position + begin)
            if end >= 0:
                return end - self._position
            size = length - self._position
            if self._ended:
                self._guess.miss(size)
                return 0
            if size > min(GUESS_BYTES, self._limit):
                self._guess.miss(size)
                return 0
            begin = max(1, size - LOOK_AHEAD)
            self._fill()

    def _take(self, end: int) -> Any:
        self._count += 1
        begin = self._dropped + self._position
        cap = self._limits.conversation_memory
        weight = weight_of(self._buffer, self._position, end, cap, self._limits.text_memory)
        try:
            if weight > cap:
                return Rejected(f"{self._member}#{self._count}", too_heavy(self._limits))
            with memoryview(self._buffer) as view:
                return parse_json(view[self._position : end], room=cap - weight)
        except NotJsonError as error:
            return Rejected(f"{self._member}#{self._count}", f"{error} at byte {begin + error.offset}")
        finally:
            self._position = end

    def _too_large(self, begin: int) -> Rejected:
        self._count += 1
        return Rejected(
            f"{self._member}#{self._count}",
            f"larger than {self._limit} bytes, the cap on one conversation (it begins at byte {begin})",
        )

    def _scan(self, hold: int, stop: int = 0) -> int:
        """Find the end of the value that begins here and return its size in bytes.

        Up to `hold` bytes the value stays in the buffer and the position at its beginning; a larger one is
        dropped as it passes, and the position is behind it. Where the end is not within `stop` bytes, which
        `hold` covers, -1 is the answer and the position stays.
        """
        if self.peek() is None:
            raise self.broken("the file ends where a value should stand")
        begin = self._dropped + self._position
        at = self._position
        if self._buffer[at] in _BRACKETS_AND_QUOTE:
            at = self._scan_structure(at, begin, hold, min(stop, hold))
            if at < 0:
                return at
        else:
            at = self._scan_scalar(at, begin, hold)
        size = self._dropped + at - begin
        if size > hold:
            self._position = at
        return size

    def _scan_structure(self, at: int, begin: int, hold: int, stop: int) -> int:
        depth = 0
        inside = self._buffer[at] == _QUOTE
        at += inside
        while True:
            at = _end_of_match(_INSIDE if inside else _OUTSIDE, self._buffer, at)
            byte = self._buffer[at] if at < len(self._buffer) else None
            if byte is None or (inside and byte != _QUOTE):
                if stop and self._dropped + at - begin > stop:
                    return -1
                missing = at
                at = self._more(at, begin, hold)
                if at < 0:
                    self._position = min(missing, len(self._buffer))
                    raise self.broken(f"the file ends inside the value that begins at byte {begin}")
                continue
            at += 1
            if byte == _QUOTE:
                inside = not inside
            elif byte in (OPEN_OBJECT, OPEN_LIST):
                depth += 1
            else:
                depth -= 1
            if depth <= 0 and not inside:
                return at

    def _scan_scalar(self, at: int, begin: int, hold: int) -> int:
        while True:
            end = _end_of_match(_SCALAR, self._buffer, at)
            if end < len(self._buffer):
                break
            more = self._more(end, begin, hold)
            if more < 0:
                break
            at = more
        if self._dropped + end == begin:
            raise self.broken("no JSON value begins here")
        return end

    def _more(self, at: int, begin: int, hold: int) -> int:
        """Read on: `at` in the new window, -1 at the end. Beyond `hold` bytes the value is dropped."""
        if self._dropped + at - begin > hold:
            self._position = at
        dropped = self._dropped
        if not self._fill():
            return -1
        return at - (self._dropped - dropped)

    def _line_end(self, limit: int) -> int:
        """Where the line that begins here ends, reading on up to `limit` bytes."""
        begin = 0
        while True:
            end = self._buffer.find(b"\n", self._position + begin)
            if end >= 0:
                return end
            begin = len(self._buffer) - self._position
            if begin > limit or not self._fill():
                return len(self._buffer)

    def _fill(self) -> bool:
        """Drop what lies before the position and read a window more; False at the end."""
        if self._ended:
            return False
        try:
            data = self._stream.read(WINDOW)
        except BrokenExportError as failure:
            self._failure = failure
            data = b""
        if not data:
            self._ended = True
            return False
        del self._buffer[: self._position]
        self._dropped += self._position
        self._position = 0
        self._buffer += data
        return True


def _end_of_match(pattern: re.Pattern[bytes], buffer: bytearray, at: int) -> int:
    found = pattern.match(buffer, at)
    return at if found is None else found.end()
