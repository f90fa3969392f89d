"""Bytes of archives as they are read: a part of a file, one deflate stream, the streams of a `.gz`.

Each holds one block in memory, and a block is small where little is asked for: 100,000 members may be looked
at, and a `.gz` may have as many streams.
"""

from __future__ import annotations

import zlib
from typing import BinaryIO
from zipfile import BadZipFile

from shared.exports.containers.guard import Budget, OverCapError, Readable

_FIRST, _BLOCK = 1024, 32 * 1024


class Span:
    """A part of an open file. Several may read one file, in turn."""

    __slots__ = ("_begin", "_file", "size")

    def __init__(self, file: BinaryIO, begin: int, size: int) -> None:
        self._file = file
        self._begin = begin
        self.size = size

    def at(self, place: int, size: int) -> bytes:
        """`size` bytes from `place` on, fewer only where the part ends."""
        if not 0 <= place < self.size:
            return b""
        self._file.seek(self._begin + place)
        return self._file.read(max(0, min(size, self.size - place)))


class Section:
    """The bytes of a span from `begin` on, `size` of them. Raises EOFError where the span ends before."""

    def __init__(self, span: Span, begin: int, size: int) -> None:
        self._span = span
        self._begin = begin
        self.taken = 0
        self._size = size

    def read(self, size: int, /) -> bytes:
        """See `Readable`."""
        wanted = min(size, self._size - self.taken)
        if wanted <= 0:
            return b""
        data = self._span.at(self._begin + self.taken, wanted)
        if not data:
            raise EOFError
        self.taken += len(data)
        return data

    def close(self) -> None:
        """The file is not its own."""


class Deflated:
    """A deflate stream unpacked. Raises EOFError where it ends too early, zlib.error where it is damaged."""

    def __init__(self, packed: Section) -> None:
        self._packed = packed
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        self._block = _FIRST

    def read(self, size: int, /) -> bytes:
        """See `Readable`."""
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail
            if not packed:
                packed = self._packed.read(self._block)
                self._block = min(2 * self._block, _BLOCK)
            data = self._inflate.decompress(packed, max(size, 1))
            if data:
                return data
            if not packed:
                raise EOFError
        return b""

    @property
    def consumed(self) -> int:
        """How many bytes the stream takes, once it has ended."""
        return self._packed.taken - len(self._inflate.unused_data)

    def close(self) -> None:
        """The file is not its own."""


class Checked:
    """At most `size` bytes of a stream. Raises BadZipFile where they end with another checksum."""

    def __init__(self, stream: Readable, size: int, crc: int) -> None:
        self._stream = stream
        self._left = size
        self._crc = crc
        self._running = 0

    def read(self, size: int, /) -> bytes:
        """See `Readable`."""
        data = self._stream.read(min(size, self._left)) if self._left else b""
        self._left -= len(data)
        self._running = zlib.crc32(data, self._running)
        if not data and self._running != self._crc:
            raise BadZipFile("Bad CRC-32")
        return data

    def close(self) -> None:
        """Let go of what it reads from."""
        self._stream.close()


class Gunzipped:
    """The streams of a `.gz`, one after another. Raises EOFError where one ends too early, zlib.error where
    it is damaged, OverCapError for more streams than the budget has."""

    def __init__(self, packed: Readable, member: str, budget: Budget) -> None:
        self._packed = packed
        self._member = member
        self._budget = budget
        self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._begun = False
        self._block = b""
        self._at = 0
        self._taken = 0
        self._bite = _FIRST

    def read(self, size: int, /) -> bytes:
        """See `Readable`."""
        while True:
            if self._inflate.eof:
                self._next_stream()
            packed = self._inflate.unconsumed_tail or self._more()
            if not packed:
                if self._begun:
                    raise EOFError
                return b""
            self._begun = True
            data = self._inflate.decompress(packed, max(size, 1))
            if data:
                return data

    def consumed(self) -> int:
        """How many bytes were unpacked."""
        return self._taken - len(self._block) + self._at - len(self._inflate.unconsumed_tail)

    def close(self) -> None:
        """Let go of what it reads from."""
        self._packed.close()

    def _next_stream(self) -> None:
        """Begin with what follows; zeros may stand between."""
        self._budget.streams -= 1
        if self._budget.streams < 0:
            raise OverCapError(self._member, "its parts", "it is a .gz of more parts than any export has")
        self._at -= len(self._inflate.unused_data)
        self._inflate = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._begun, self._bite = False, _FIRST
        while self._block[self._at : self._at + 1] in (b"", b"\0"):
            rest = self._block[self._at :].lstrip(b"\0")
            self._at = len(self._block) - len(rest)
            if not rest and not self._load():
                return

    def _more(self) -> bytes:
        """The next bite of the block, small at first: a stream that ends in it leaves the rest behind."""
        if self._at >= len(self._block) and not self._load():
            return b""
        bite = self._block[self._at : self._at + self._bite]
        self._at += len(bite)
        self._bite = min(2 * self._bite, _BLOCK)
        return bite

    def _load(self) -> bool:
        self._block, self._at = self._packed.read(_BLOCK), 0
        self._taken += len(self._block)
        return bool(self._block)
