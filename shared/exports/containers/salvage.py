"""Zip archives that were cut off: without a table of contents, entries are found one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from shared.domain.errors import BrokenExportError
from shared.exports.containers.directory import (
    DEFLATED,
    ENCRYPTED,
    LOCAL,
    NAME_BYTES,
    SIZES_FOLLOW,
    STORED,
    Entry,
)
from shared.exports.containers.guard import PIECE_BYTES, GuardedStream
from shared.exports.containers.names import is_wanted
from shared.exports.containers.unpacking import Deflated, Section, Span

_LONGEST_DESCRIPTOR = 24


def salvaged(
    span: Span,
    count: Callable[[], None],
    guarded: Callable[[Deflated, Section], GuardedStream],
    refuse: Callable[[str], None],
) -> Iterator[Entry]:
    """The entries of the zip in `span`, as far as headers can be found, the broken one included.

    Every one is told to `count`, which may raise. An entry that does not say where it ends is unpacked to its
    end: `guarded` counts what that gives, and where that is over a cap, `refuse` is told why and no more is
    found.
    """
    at = 0
    while True:
        header = span.at(at, LOCAL.size)
        if len(header) < LOCAL.size or not header.startswith(b"PK\3\4"):
            return
        _, _, flags, method, _, _, crc, packed, size, name_size, extra_size = LOCAL.unpack(header)
        data = at + LOCAL.size + name_size + extra_size
        if flags & ENCRYPTED or method not in (STORED, DEFLATED):
            return
        count()
        name = span.at(at + LOCAL.size, min(name_size, NAME_BYTES + 1))
        entry = Entry(name, flags, method, packed, size, crc, at, data, False)
        at = data + packed
        if flags & SIZES_FOLLOW or 0xFFFFFFFF in (packed, size):
            if method == STORED:
                return
            section = Section(span, data, span.size - data)
            stream = Deflated(section)
            broken, why = _pass(guarded(stream, section))
            if why:
                refuse(why)
                return
            entry.packed = span.size - data if broken else stream.consumed
            entry.size = -1
            at = span.size if broken else _next_header(span, data + entry.packed)
        if is_wanted(entry.name) and not entry.raw_name.endswith(b"/"):
            yield entry


def _pass(stream: GuardedStream) -> tuple[bool, str]:
    """Go to the end of a stream: whether it is broken, and why it is not read, if it is over a cap."""
    try:
        while stream.read(PIECE_BYTES):
            pass
    except BrokenExportError as error:
        return True, error.reason if stream.is_over else ""
    return False, ""


def _next_header(span: Span, at: int) -> int:
    """The next local header behind a data descriptor, whose length depends on the writer."""
    found = span.at(at, _LONGEST_DESCRIPTOR + 4).find(b"PK\3\4")
    return at + found if found >= 0 else span.size
