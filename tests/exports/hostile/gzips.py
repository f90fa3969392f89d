"""gzip: members without end, headers without end, in archives and alone."""

from __future__ import annotations

import struct
from random import Random
from zlib import crc32

from tests.exports.hostile.archives import CHATS, NAME, zeros
from tests.exports.hostile.base import MIB, case, gzipped, thin, zipped
from tests.exports.hostile.rawzip import deflated

HEAD = b"\x1f\x8b\x08%c\0\0\0\0\0\xff"


@case("gzip", ".json.gz", 4 * MIB)
def empty_members(_: Random, size: int) -> bytes:
    one = gzipped(b"")
    return one * (size // len(one)) + gzipped(CHATS)


@case("gzip", ".json.gz", 4 * MIB)
def members_of_one_byte(_: Random, size: int) -> bytes:
    one = gzipped(b" ")
    return gzipped(CHATS[:-1]) + one * (size // len(one)) + gzipped(b"]")


@case("gzip", ".zip", 16 * MIB)
def name_without_end(random: Random, size: int) -> bytes:
    """The file name of the header is read byte by byte, until a zero comes."""
    return zipped({NAME + ".gz": HEAD % 8 + thin(random, b"a", size)}, 9)


@case("gzip", ".zip", 16 * MIB)
def name_before_good(random: Random, size: int) -> bytes:
    body = deflated(CHATS)
    tail = struct.pack("<II", crc32(CHATS), len(CHATS))
    return zipped({NAME + ".gz": HEAD % 8 + thin(random, b"a", size) + b"\0" + body + tail}, 9)


@case("gzip", ".zip", 16 * MIB)
def padded_with_zeros(random: Random, size: int) -> bytes:
    """What follows the last member may be zeros, which are read one by one."""
    noise = random.randbytes(size // 280).hex().encode()
    return zipped({NAME + ".gz": gzipped(CHATS[:-1] + b',"' + noise + b'"]') + bytes(size)}, 9)


@case("gzip", ".json.gz", MIB)
def padded_then_more(_: Random, size: int) -> bytes:
    return (gzipped(CHATS) + bytes(size // 4)) * 3 + b"junk"


@case("gzip", ".json.gz")
def every_flag(_: Random, size: int) -> bytes:
    extra = struct.pack("<H", 65_535) + b"e" * 65_535
    return HEAD % 0xFF + extra + b"n" * size + b"\0" + b"c" * size + b"\0\0\0" + deflated(CHATS)


@case("gzip", ".zip", 20 * MIB)
def bomb_of_members_in_a_zip(random: Random, size: int) -> bytes:
    """Each layer expands less than 200-fold; together they expand much more."""
    one = gzipped(b',"' + thin(random, b" ", 60_000, 90) + b'"')
    return zipped({NAME + ".gz": gzipped(CHATS[:-1]) + one * (size // 60_000) + gzipped(b"]")}, 9)


@case("gzip", ".json.gz", 20 * MIB)
def bomb(_: Random, size: int) -> bytes:
    return gzipped(CHATS[:-1] + b"," + zeros(size))


@case("gzip", ".json.gz")
def gzip_in_gzip(_: Random, size: int) -> bytes:
    data = CHATS + b" " * size
    for _ in range(8):
        data = gzipped(data)
    return data


@case("gzip", ".json.gz")
def cut(random: Random, size: int) -> bytes:
    whole = gzipped(CHATS * max(1, size // 1000))
    return whole[: random.randrange(2, len(whole))]


@case("gzip", ".json.gz")
def checksum_wrong(_: Random, size: int) -> bytes:
    return gzipped(CHATS + b" " * size)[:-8] + b"\0" * 8


@case("gzip", ".zip")
def zip_in_gzip_in_zip(_: Random, size: int) -> bytes:
    return zipped({"a.gz": gzipped(zipped({NAME: CHATS + b" " * size})), "b.gz": b"\x1f\x8b"})
