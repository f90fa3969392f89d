"""A zip's table of contents and its local headers, read one entry at a time, in the memory of those wanted.

What a table claims of itself is not believed: its entries are counted as they come, and only names worth
opening are kept. The end record is looked for from the end backwards, and it is one where the table that it
names is there.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from zipfile import BadZipFile

from shared.exports.containers.names import is_wanted
from shared.exports.containers.unpacking import Span

ENTRY_BYTES = 256
"""Most bytes an entry of a table of contents takes on average; a larger table is not read."""
NAME_BYTES = 1024
"""Most bytes of an entry's name; a longer one is no file's."""
STORED, DEFLATED = 0, 8
ENCRYPTED, SIZES_FOLLOW, UTF_8 = 0x1, 0x8, 0x800
LOCAL = struct.Struct("<4s5H3I2H")

_END = struct.Struct("<4s4H2IH")
_END_64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_ENTRY = struct.Struct("<4s6H3I5H2I")
_COMMENT = 0xFFFF
_BLOCK = 64 * 1024
_MOST_TRIED = 1000
"""Most places tried for the end record: a comment may hold its mark as often as it likes."""


@dataclass(slots=True)
class Entry:
    """One entry of an archive, by its table or, where that is missing, by its local header."""

    raw_name: bytes
    flags: int
    method: int
    packed: int
    size: int
    """Unpacked bytes; -1 where only reading tells."""
    crc: int
    header: int
    """Where its local header stands."""
    data: int = -1
    """Where its bytes begin; -1 where only the local header tells."""
    is_listed: bool = True
    """Whether the table of contents has it: what else is said of it may be of a member that is cut off."""

    @property
    def whole_name(self) -> str:
        """The name with whatever stands behind a NUL in it."""
        return self.raw_name.decode("utf-8" if self.flags & UTF_8 else "cp437", "replace")

    @property
    def name(self) -> str:
        """The name."""
        return self.whole_name.partition("\0")[0]


@dataclass(frozen=True, slots=True)
class Table:
    """Where the entries of an archive are told."""

    begin: int
    size: int
    count: int
    shift: int
    """Bytes before the archive's own beginning, such as a program that unpacks it."""


def table_of(span: Span) -> Table | None:
    """The table of contents, None where there is none."""
    low = max(0, span.size - _END.size - _COMMENT)
    tail = span.at(low, span.size - low)
    places: list[int] = []
    at = len(tail)
    while len(places) < _MOST_TRIED and (at := tail.rfind(b"PK\5\6", 0, at + 3)) >= 0:
        if at + _END.size <= len(tail):
            places.append(at)
    # Whose comment ends where the file does comes first: the others may stand in a comment, or in a record.
    places.sort(key=lambda at: at + _END.size + _END.unpack_from(tail, at)[7] != len(tail))
    return next((found for at in places if (found := _table(span, low + at)) is not None), None)


def _table(span: Span, at: int) -> Table | None:
    """The table that an end record at this place tells of, if there is one."""
    record = span.at(at, _END.size)
    if len(record) < _END.size:
        return None
    _, _, _, _, count, size, begin, _ = _END.unpack(record)
    end = at
    locator = span.at(at - _LOCATOR.size, _LOCATOR.size)
    if locator.startswith(b"PK\6\7"):
        for place in (at - _LOCATOR.size - _END_64.size, _LOCATOR.unpack(locator)[2]):
            wide = span.at(place, _END_64.size)
            if len(wide) == _END_64.size and wide.startswith(b"PK\6\6"):
                count, size, begin = _END_64.unpack(wide)[7:]
                end = place
                break
    shift = end - size - begin
    if shift < 0 or (span.at(end - size, 4) != b"PK\1\2" if size else count):
        return None
    return Table(end - size, size, count, shift)


def entries_of(span: Span, table: Table, count: Callable[[], None]) -> Iterator[Entry]:
    """The entries whose names are worth opening; every one is told to `count`, which may raise.

    Raises BadZipFile where the table is damaged.
    """
    block, low = b"", table.begin
    at, end = table.begin, table.begin + table.size
    while at < end:
        if at + _ENTRY.size + NAME_BYTES >= low + len(block) < end:
            block, low = span.at(at, min(_BLOCK, end - at)), at
        here = at - low
        if len(block) - here < _ENTRY.size or not block.startswith(b"PK\1\2", here):
            raise BadZipFile("no entry")
        count()
        fields = _ENTRY.unpack_from(block, here)
        _, _, _, flags, method, _, _, crc, packed, size, name_size, extra_size, note_size = fields[:13]
        header = fields[16]
        at += _ENTRY.size + name_size + extra_size + note_size
        name = block[here + _ENTRY.size : here + _ENTRY.size + min(name_size, NAME_BYTES + 1)]
        entry = Entry(name, flags, method, packed, size, crc, header)
        if 0xFFFFFFFF in (packed, size, header):
            place = low + here + _ENTRY.size + name_size
            _widen(entry, span.at(place, extra_size))
        entry.header += table.shift
        if is_wanted(entry.name) and not name.endswith(b"/"):
            yield entry


def _widen(entry: Entry, extra: bytes) -> None:
    """Take sizes and place from the extra field of large archives, as far as the entry points there."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        if kind == 1:
            values = [each for (each,) in struct.iter_unpack("<Q", extra[at + 4 : at + 4 + size // 8 * 8])]
            for field in ("size", "packed", "header"):
                if getattr(entry, field) == 0xFFFFFFFF:
                    if not values:
                        raise BadZipFile("Corrupt zip64 extra field")
                    setattr(entry, field, values.pop(0))
            return
        at += 4 + size


def locate(span: Span, entry: Entry) -> None:
    """Find where the entry's bytes begin. Raises BadZipFile where its local header is none, or another's."""
    if entry.data >= 0:
        return
    header = span.at(entry.header, LOCAL.size + len(entry.raw_name))
    if len(header) < LOCAL.size or not header.startswith(b"PK\3\4"):
        raise BadZipFile("Bad magic number for file header")
    *_, name_size, extra_size = LOCAL.unpack_from(header)
    if name_size != len(entry.raw_name) or header[LOCAL.size :] != entry.raw_name:
        raise BadZipFile("File name in directory and header differ")
    entry.data = entry.header + LOCAL.size + name_size + extra_size
