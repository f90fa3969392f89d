"""Zip archives that were cut off: without a table of contents, members are found one after another."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from shared.exports.containers.members import Member, Source, kind_of, leads_outside, shown

_HEADER = struct.Struct("<4s5H3I2H")
_BLOCK = 64 * 1024
_SIZES_FOLLOW = 0x8
_ENCRYPTED = 0x1
_STORED, _DEFLATED = 0, 8
_LONGEST_DESCRIPTOR = 24


def salvaged(file: BinaryIO, name: str, identity: Callable[[], str]) -> Iterator[Member]:
    """The text members of the zip in `file`, as far as headers can be found, the broken one included."""
    at = 0
    end = file.seek(0, 2)
    while at < end:
        file.seek(at)
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size or not header.startswith(b"PK\x03\x04"):
            return
        _, _, flags, method, _, _, _, packed, size, name_length, extra_length = _HEADER.unpack(header)
        entry = file.read(name_length).decode("utf-8", "replace")
        data = at + _HEADER.size + name_length + extra_length
        if flags & _ENCRYPTED or method not in (_STORED, _DEFLATED):
            return
        unsized = bool(flags & _SIZES_FOLLOW) or 0xFFFFFFFF in (packed, size)
        if unsized and method == _STORED:
            return
        following = _end_of_deflated(file, data) if unsized else data + packed
        if not leads_outside(entry) and not entry.endswith("/"):
            stop = min(following, end)
            member = _member(file, f"{name}/{shown(entry)}", identity, data, stop, method == _DEFLATED)
            if kind_of(member.open().stream.read(512)) == "text":
                yield member
        at = _next_header(file, following) if unsized else following


def _member(
    file: BinaryIO, path: str, identity: Callable[[], str], data: int, stop: int, deflated: bool
) -> Member:
    def opened() -> Source:
        section = _Section(file, data, stop)
        raw = _Inflated(section) if deflated else section
        return Source(cast(BinaryIO, raw), lambda: section.at - data)

    return Member(path, lambda: f"{data}\0{identity()}", stop - data, opened)


class _Section(io.RawIOBase):
    """The bytes of `file` from `at` to `stop`. Several may read one file in turn."""

    def __init__(self, file: BinaryIO, at: int, stop: int) -> None:
        self._file = file
        self.at = at
        self._stop = stop

    def read(self, size: int = -1, /) -> bytes:
        left = self._stop - self.at
        self._file.seek(self.at)
        data = self._file.read(left if size < 0 else min(size, left))
        self.at += len(data)
        return data


class _Inflated(io.RawIOBase):
    """A deflate stream unpacked. Raises EOFError where it ends too early, zlib.error where it is damaged."""

    def __init__(self, section: _Section) -> None:
        self._section = section
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    def read(self, size: int = -1, /) -> bytes:
        while not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._section.read(_BLOCK)
            data = self._inflate.decompress(packed, max(size, 1))
            if data:
                return data
            if not packed:
                raise EOFError
        return b""


def _end_of_deflated(file: BinaryIO, data: int) -> int:
    """Where the deflate stream that begins at `data` ends; the file's end where it does not."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    at = data
    while True:
        file.seek(at)
        packed = file.read(_BLOCK)
        at += len(packed)
        try:
            while packed and not inflate.eof:
                inflate.decompress(packed, _BLOCK)
                packed = inflate.unconsumed_tail
        except zlib.error:
            return file.seek(0, 2)
        if inflate.eof:
            return at - len(inflate.unused_data)
        if at >= file.seek(0, 2):
            return at


def _next_header(file: BinaryIO, at: int) -> int:
    """The next local header behind a data descriptor, whose length depends on the writer."""
    file.seek(at)
    found = file.read(_LONGEST_DESCRIPTOR + 4).find(b"PK\x03\x04")
    return at + found if found >= 0 else file.seek(0, 2)
