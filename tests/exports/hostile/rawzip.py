"""Zip archives byte by byte, with whatever lies in their fields."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

STORED, DEFLATED = 0, 8
TOP = 0xFFFFFFFF


def deflated(data: bytes, level: int = 9) -> bytes:
    """A raw deflate stream."""
    packing = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packing.compress(data) + packing.flush()


@dataclass(slots=True)
class Entry:
    """One member; what is None is told as it is."""

    name: bytes
    packed: bytes
    size: int
    method: int = DEFLATED
    flags: int = 0x800
    crc: int = 0
    told_size: int | None = None
    told_packed: int | None = None
    central_name: bytes | None = None
    extra: bytes = b""
    at: int | None = None
    mode: int = 0
    version: int = 20

    @classmethod
    def of(cls, name: bytes | str, data: bytes, method: int = DEFLATED, **fields: object) -> Entry:
        """A true one of this data."""
        raw = name.encode() if isinstance(name, str) else name
        packed = deflated(data) if method == DEFLATED else data
        entry = cls(raw, packed, len(data), method, crc=zlib.crc32(data))
        for field, value in fields.items():
            setattr(entry, field, value)
        return entry

    def _sizes(self) -> tuple[int, int, int]:
        packed = len(self.packed) if self.told_packed is None else self.told_packed
        size = self.size if self.told_size is None else self.told_size
        return self.crc, packed & TOP, size & TOP

    def local(self) -> bytes:
        """The local header and what follows it."""
        sizes = (0, 0, 0) if self.flags & 8 else self._sizes()
        head = struct.pack(
            "<4s5H3I2H", b"PK\3\4", self.version, self.flags, self.method, 0, 0x5821, *sizes,
            len(self.name), 0,
        )  # fmt: skip
        tail = struct.pack("<4s3I", b"PK\7\x08", *self._sizes()) if self.flags & 8 else b""
        return head + self.name + self.packed + tail

    def central(self, at: int) -> bytes:
        """Its entry of the table of contents."""
        name = self.name if self.central_name is None else self.central_name
        head = struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", 0x314, self.version, self.flags, self.method, 0, 0x5821,
            *self._sizes(), len(name), len(self.extra), 0, 0, 0, self.mode << 16,
            (at if self.at is None else self.at) & TOP,
        )  # fmt: skip
        return head + name + self.extra


def end(count: int, size: int, at: int, comment: bytes = b"", disk: int = 0) -> bytes:
    """The end record."""
    return (
        struct.pack(
            "<4s4H2IH",
            b"PK\5\6",
            disk,
            disk,
            count & 0xFFFF,
            count & 0xFFFF,
            size & TOP,
            at & TOP,
            len(comment),
        )
        + comment
    )


def end64(count: int, size: int, at: int, record_at: int) -> bytes:
    """The zip64 end record and its locator."""
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, at)
    return record + struct.pack("<4sIQI", b"PK\6\7", 0, record_at, 1)


def archive(
    entries: Sequence[Entry], *, ended: bool = True, prefix: bytes = b"", comment: bytes = b""
) -> bytes:
    """The entries one behind the other, their table and its end."""
    body, table = bytearray(prefix), bytearray()
    for entry in entries:
        table += entry.central(len(body))
        body += entry.local()
    if not ended:
        return bytes(body)
    return bytes(body) + bytes(table) + end(len(entries), len(table), len(body), comment)
