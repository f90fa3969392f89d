"""Zip archives written by hand, as zipfile would never write them: lies, damage, bombs."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence

SIZES_FOLLOW = 0x8


def deflated(pieces: Iterable[bytes]) -> bytes:
    """One deflate stream of them all, never held unpacked."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"".join([*(squeeze.compress(each) for each in pieces), squeeze.flush()])


def local(
    name: bytes,
    packed: bytes,
    *,
    method: int = 0,
    flags: int = 0,
    size: int | None = None,
    crc: int | None = None,
    extra: bytes = b"",
) -> bytes:
    """A local header and its bytes."""
    crc = zlib.crc32(packed) if crc is None else crc
    size = len(packed) if size is None else size
    length = 0 if flags & SIZES_FOLLOW else len(packed)
    fields = (b"PK\3\4", 20, flags, method, 0, 0, crc, length, size, len(name), len(extra))
    return struct.pack("<4s5H3I2H", *fields) + name + extra + packed


def central(
    name: bytes,
    at: int,
    packed: int,
    size: int,
    crc: int,
    *,
    method: int = 0,
    extra: bytes = b"",
    comment: bytes = b"",
) -> bytes:
    """An entry of the table of contents."""
    head = (b"PK\1\2", 20, 20, 0, method, 0, 0, crc, packed, size)
    lengths = (len(name), len(extra), len(comment), 0, 0, 0, at)
    return struct.pack("<4s6H3I5H2I", *head, *lengths) + name + extra + comment


def end(count: int, size: int, at: int, *, comment: bytes = b"", disks: bytes = b"\0\0\0\0") -> bytes:
    """The end record."""
    counts = struct.pack("<2H2IH", count & 0xFFFF, count & 0xFFFF, size, at, len(comment))
    return b"PK\5\6" + disks + counts + comment


def zip_by_hand(files: Sequence[tuple[bytes, bytes]], **options: bytes) -> bytes:
    """A whole archive of stored files; `options` are those of the end record."""
    body, table = b"", b""
    for name, data in files:
        table += central(name, len(body), len(data), len(data), zlib.crc32(data))
        body += local(name, data)
    return body + table + end(len(files), len(table), len(body), **options)
