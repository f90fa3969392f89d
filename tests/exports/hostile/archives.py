"""Archives that lie: about sizes, ends, members, encryption, about what they are."""

from __future__ import annotations

import io
import struct
import tarfile
from random import Random
from zlib import crc32

from tests.exports.hostile.base import GOOD, KIB, MIB, case, gzipped, js, thin, zipped
from tests.exports.hostile.rawzip import DEFLATED, STORED, Entry, archive, deflated, end, end64

CHATS = js(GOOD)
NAME = "conversations.json"


def zeros(size: int) -> bytes:
    """A list of conversations that never ends."""
    return b"[" + b"0" * size


@case("archives", ".zip", 20 * MIB)
def bomb_beside_good(_: Random, size: int) -> bytes:
    return zipped({NAME: CHATS, "conversations-2.json": zeros(size)})


@case("archives", ".zip", 20 * MIB)
def bomb_under_the_ratio(random: Random, size: int) -> bytes:
    """Each piece has enough noise to stay below 200-fold."""
    return zipped({NAME: CHATS[:-1] + b',"' + thin(random, b" ", size) + b'"]'}, 9)


@case("archives", ".zip", 2 * MIB)
def overlapping_members(random: Random, size: int) -> bytes:
    """One member's bytes, thousands of times in the table of contents."""
    body = CHATS[:-1] + b',"' + thin(random, b" ", size // 2) + b'"]'
    one = Entry.of("c0.json", body)
    local = one.local()
    table = b"".join(
        Entry(b"c0.json", one.packed, len(body), crc=one.crc, at=0).central(0) for _ in range(3000)
    )
    return local + table + end(3000, len(table), len(local))


@case("archives", ".zip", MIB)
def quoted_overlap(_: Random, size: int) -> bytes:
    """Stored blocks quote the headers of the members behind them, so that all share the last one's data."""
    kernel = deflated(b"[" + b" " * (size // 100) + CHATS[1:])
    data = b"[" + b" " * (size // 100) + CHATS[1:]
    count = 200
    locals_: list[bytes] = []
    packed, plain = kernel, data
    entries: list[tuple[Entry, int]] = []
    made = b""
    for number in reversed(range(count)):
        entry = Entry(f"{number:04}.json".encode(), packed, len(plain), crc=crc32(plain))
        made = entry.local()
        entries.append((entry, len(made)))
        head = made[: len(made) - len(packed)]
        packed = b"\0" + struct.pack("<HH", len(head), len(head) ^ 0xFFFF) + head + packed
        plain = head + plain
    locals_.append(made)
    body = locals_[0]
    table = b"".join(entry.central(len(body) - size_) for entry, size_ in reversed(entries))
    return body + table + end(count, len(table), len(body))


@case("archives", ".zip")
def size_told_too_small(_: Random, size: int) -> bytes:
    return archive([Entry.of(NAME, zeros(size), told_size=100)])


@case("archives", ".zip")
def size_told_enormous(_: Random, size: int) -> bytes:
    return archive([Entry.of(NAME, CHATS, told_size=0xFFFFFFF0, told_packed=min(size, 99))])


@case("archives", ".zip")
def packed_told_beyond_the_end(_: Random, size: int) -> bytes:
    return archive([Entry.of(NAME, CHATS, told_packed=size + 2**31)])


@case("archives", ".zip")
def every_checksum_wrong(_: Random, size: int) -> bytes:
    return archive([Entry.of(f"c{n}.json", CHATS, crc=n) for n in range(max(2, size // 2000))])


@case("archives", ".zip", MIB)
def end_record_in_disk_numbers(_: Random, size: int) -> bytes:
    """The disk numbers of the true end spell the mark of another."""
    count = size // 50
    table = b"".join(Entry(b"a.json", b"", 0).central(0) for _ in range(count))
    return table + struct.pack(
        "<4sHHHHIIH", b"PK\5\6", 0x4B50, 0x0605, count & 0xFFFF, count & 0xFFFF, len(table), 0, 0
    )


@case("archives", ".zip", 8 * MIB)
def entries_beyond_the_cap(_: Random, size: int) -> bytes:
    """In a zip of its own: the table of contents is small there."""
    count = size // 52
    table = b"".join(Entry(f"{n % 1000:03}.json".encode(), b"", 0).central(0) for n in range(count))
    return zipped(
        {"inner.zip": table + end64(count, len(table), 0, len(table)) + end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)}
    )


@case("archives", ".zip", 4 * MIB)
def entries_with_large_extras(random: Random, size: int) -> bytes:
    extra = b"\x99\x99" + struct.pack("<H", 8000) + random.randbytes(8000)
    entries = [Entry.of(f"{n}.json", b"[]", extra=extra) for n in range(max(2, size // 8200))]
    return zipped({"inner.zip": archive(entries), NAME: CHATS})


@case("archives", ".zip", MIB)
def comment_full_of_ends(_: Random, size: int) -> bytes:
    comment = (end(3, 3, 3) * 3000)[: min(65_535, size)]
    return archive([Entry.of(NAME, CHATS)], comment=comment)


@case("archives", ".zip")
def zip64_beyond_the_file(_: Random, size: int) -> bytes:
    body = Entry.of(NAME, CHATS).local()
    return body + end64(2**40, 2**50, 2**60, size + 2**62) + end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)


@case("archives", ".zip")
def zip64_extra_too_short(_: Random, size: int) -> bytes:
    extra = struct.pack("<HH", 1, 4) + b"\xff" * 4
    return archive([Entry.of(NAME, CHATS, told_size=0xFFFFFFFF, extra=extra, version=45)] * (1 + size % 2))


@case("archives", ".zip", 8 * MIB)
def no_end_members_with_exports(random: Random, size: int) -> bytes:
    """Whose content is told by a hash of the whole archive."""
    noise = Entry.of("n.bin", random.randbytes(size // 2), STORED)
    return archive([*[Entry.of(f"{n}.json", CHATS) for n in range(size // 2000)], noise], ended=False)


@case("archives", ".zip", MIB)
def no_end_many_members(_: Random, size: int) -> bytes:
    return archive([Entry.of("a.json", b"[", STORED)] * (size // 37), ended=False)


@case("archives", ".zip")
def no_end_damaged_members(random: Random, size: int) -> bytes:
    junk = [Entry(b"d.json", random.randbytes(60), 999) for _ in range(max(2, size // 999))]
    return archive([Entry.of(NAME, CHATS), *junk, Entry.of("c.json", CHATS)], ended=False)


@case("archives", ".zip", 20 * MIB)
def no_end_sizes_behind_a_bomb(_: Random, size: int) -> bytes:
    bomb = Entry.of("b.json", zeros(size), flags=0x808)
    return archive([Entry.of(NAME, CHATS), bomb, Entry.of("c.json", CHATS)], ended=False)


@case("archives", ".zip", MIB)
def no_end_members_lead_backwards(_: Random, size: int) -> bytes:
    """Each says that it is empty: what follows is looked at from within it."""
    local = Entry(b"a.json", b"", 0, STORED).local()
    return (local + CHATS)[: len(local)] * (size // len(local)) + Entry.of(NAME, CHATS).local()


@case("archives", ".zip", MIB)
def encrypted_beside_good(random: Random, size: int) -> bytes:
    secret = Entry.of("conversations-1.json", random.randbytes(size // 4), STORED, flags=0x801)
    return archive([Entry.of(NAME, CHATS), secret])


@case("archives", ".zip")
def all_encrypted(random: Random, size: int) -> bytes:
    return archive(
        [Entry.of(f"{n}.json", random.randbytes(99), STORED, flags=1) for n in range(2 + size // 9999)]
    )


@case("archives", ".zip")
def every_method_there_is(_: Random, size: int) -> bytes:
    packed = deflated(CHATS)
    entries = [Entry(f"m{n}.json".encode(), packed, len(CHATS), n) for n in range(1, 100) if n != DEFLATED]
    return archive(entries + [Entry.of(NAME, CHATS)] * (1 + size % 2))


@case("archives", ".zip", MIB)
def nested_deep(_: Random, size: int) -> bytes:
    data = zipped({NAME: CHATS + b" " * (size // 10)})
    for _ in range(12):
        data = zipped({"inner.zip": data})
    return data


@case("archives", ".zip", MIB)
def nested_wide(_: Random, size: int) -> bytes:
    """Each inner archive is a temporary file that stays open."""
    inner = zipped({NAME: CHATS})
    return zipped([(f"{n}.zip", inner) for n in range(max(3, size // 400))])


@case("archives", ".zip", 8 * MIB)
def nested_wide_twice(_: Random, size: int) -> bytes:
    inner = zipped({NAME: CHATS})
    middle = zipped([(f"{n}.zip", inner) for n in range(max(2, size // 200_000))])
    return zipped([(f"{n}.zip", middle) for n in range(max(2, size // 200_000))])


@case("archives", ".zip", 8 * MIB)
def nested_stored_again_and_again(_: Random, size: int) -> bytes:
    """One inner archive of much, under many names."""
    inner = zipped({"a.bin": bytes(size // 8), NAME: CHATS})
    return zipped([(f"{n}.zip", inner) for n in range(64)])


@case("archives", ".zip")
def quine_like(_: Random, size: int) -> bytes:
    """An archive whose member is the archive's own beginning."""
    body = archive([Entry.of(NAME, CHATS)])
    return zipped({f"{n}.zip": body[: len(body) - n] for n in range(1, 2 + size // 9000)})


@case("archives", ".zip")
def html_before_a_zip(_: Random, size: int) -> bytes:
    """A page by its first bytes, a zip by its last."""
    return archive([Entry.of(NAME, CHATS)], prefix=b"<html>" + b"<!--" * (size // 8))


@case("archives", ".json")
def json_before_a_zip(_: Random, size: int) -> bytes:
    return archive([Entry.of(NAME, zeros(size))], prefix=CHATS)


@case("archives", ".zip")
def gz_named_zip(_: Random, size: int) -> bytes:
    return gzipped(CHATS + b" " * size)


@case("archives", ".zip")
def tar_in_zip(_: Random, size: int) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(NAME), io.BytesIO(CHATS))
    return zipped({"e.tar": file.getvalue(), "e.tar.gz": gzipped(file.getvalue() + bytes(size))})


@case("archives", ".zip", MIB)
def heads_without_an_end(random: Random, size: int) -> bytes:
    """Each member is one large beginning: looked into at opening, and of no format."""
    head = b'[{"a":["' + thin(random, b'",[],"', size).replace(b'],"a', b'],"a') + b'"'
    return zipped([(f"{n}.json", head) for n in range(40)], 9)


@case("archives", ".zip", MIB)
def thousands_of_refusals(random: Random, size: int) -> bytes:
    """A reason for each: all of them are kept."""
    name = "".join(chr(0x1F600 + random.randrange(60)) for _ in range(40))
    junk = [(f"{name}{n}.json", b"nothing") for n in range(size // 250)]
    return zipped([*junk, (NAME, CHATS)])


@case("archives", ".zip", MIB)
def directories_that_hold_data(_: Random, size: int) -> bytes:
    return archive([Entry.of("a/", zeros(size)), Entry.of(NAME + "/", CHATS), Entry.of("x/" + NAME, CHATS)])


@case("archives", ".zip")
def links(_: Random, size: int) -> bytes:
    targets = [
        b"/etc/passwd",
        b"../../../etc/shadow",
        b"conversations.json",
        b"/dev/zero",
        b"." * min(size, 4000),
    ]
    made = [Entry.of(f"l{n}.json", t, STORED, mode=0o120777) for n, t in enumerate(targets)]
    return archive([*made, Entry.of(NAME, CHATS, mode=0o120777)])


@case("archives", ".zip")
def cut_anywhere(random: Random, size: int) -> bytes:
    whole = zipped({NAME: js(GOOD * max(1, size // 2000)), "b.json": CHATS})
    return whole[: random.randrange(30, len(whole) - 1)]


@case("archives", ".zip")
def bits_flipped(random: Random, size: int) -> bytes:
    whole = bytearray(zipped({NAME: js(GOOD * max(1, size // 2000)), "b.json": CHATS}))
    for _ in range(12):
        whole[random.randrange(4, len(whole))] ^= 1 << random.randrange(8)
    return bytes(whole)


@case("archives", ".zip", KIB)
def nothing_at_all(_: Random, size: int) -> bytes:
    return end(0, 0, 0, b"x" * size)


@case("archives", "", MIB)
def folder_of_bombs(_: Random, size: int) -> dict[str, bytes]:
    return {
        NAME: CHATS,
        "a.json.gz": gzipped(zeros(size * 4)),
        "deep/" * 20 + "b.zip": zipped({"c.json": zeros(size)}),
        **{f"many/{n}.json": b"[" for n in range(size // 4000)},
    }
