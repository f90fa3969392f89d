"""Caps on archives count what is really read: in damaged and forged ones, in salvage, through every layer."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from shared.exports.export import open_export
from tests.support.exports import chains, json_of, zip_of
from tests.support.zips import SIZES_FOLLOW, central, deflated, end, local, zip_by_hand
from tests.unit.exports.test_source_bad import LIMITS, THREE, expected, read, refusal, written

FEW = replace(LIMITS, members=50)
CONVERSATIONS = (b"conversations.json", THREE)
SPELLS = struct.pack("<2H", 0x4B50, 0x0605)
"""Disk numbers that spell the mark of an end record."""
SPACES = b" " * 1_000_000


@pytest.mark.parametrize(
    "options", [{"disks": SPELLS}, {"comment": b"by PK\5\6" + b"\0" * 30}, {"comment": b"x" * 65535}]
)
def test_the_table_is_found_and_its_entries_counted(tmp_path: Path, options: dict[str, bytes]) -> None:
    good = zip_by_hand([CONVERSATIONS, *((b"%d.txt" % i, b"x") for i in range(49))], **options)
    assert read(written(tmp_path, "good.zip", good), FEW) == (expected(3), [])
    one_more = zip_by_hand([CONVERSATIONS, *((b"%d.txt" % i, b"x") for i in range(50))], **options)
    assert "more than 50 entries" in refusal(written(tmp_path, "e.zip", one_more), FEW)


def test_a_table_of_many_entries_behind_a_forged_end_is_not_loaded(tmp_path: Path) -> None:
    table = central(b"a.txt", 0, 1, 1, 0) * 500_000
    first = local(*CONVERSATIONS)
    data = first + table + end(1, len(table), len(first), disks=SPELLS)
    assert "more than 100000 entries" in refusal(written(tmp_path, "e.zip", data))


def test_what_an_end_record_says_of_the_count_is_not_believed(tmp_path: Path) -> None:
    table = central(b"a.txt", 0, 1, 1, 0) * 51
    data = local(*CONVERSATIONS) + table + end(1, len(table), len(local(*CONVERSATIONS)))
    assert "more than 50 entries" in refusal(written(tmp_path, "e.zip", data), FEW)


def test_an_archive_of_the_large_kind_and_one_behind_a_program(tmp_path: Path) -> None:
    body, wide = local(*CONVERSATIONS), 0xFFFFFFFF
    extra = struct.pack("<2H3Q", 1, 24, len(THREE), len(THREE), 0)
    table = central(b"conversations.json", wide, wide, wide, zlib.crc32(THREE), extra=extra)
    end_64 = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(table), len(body))
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, len(body) + len(table), 1)
    large = body + table + end_64 + locator + end(0xFFFF, wide, wide)
    assert read(written(tmp_path, "large.zip", large)) == (expected(3), [])
    program = b"\x7fELF" + b"\0" * 3000
    with open_export(
        written(tmp_path, "f", zip_of({"in.zip": b"PK\3\4" + program + large})), LIMITS
    ) as export:
        assert [each.id for each in export.conversations()] == expected(3)  # type: ignore[union-attr]


def test_members_of_a_cut_archive_are_counted(tmp_path: Path) -> None:
    cut = local(*CONVERSATIONS) + b"".join(local(b"%d.txt" % i, b"x") for i in range(49))
    found, breaks = read(written(tmp_path, "good.zip", cut), FEW)
    assert (found, len(breaks)) == (expected(3), 1)
    cut += local(b"one-more.txt", b"x")
    assert "more than 50 entries" in refusal(written(tmp_path, "e.zip", cut), FEW)


def test_files_of_text_are_counted(tmp_path: Path) -> None:
    cut = local(*CONVERSATIONS) + b"".join(local(b"%d.json" % i, b"{") for i in range(5))
    assert "more than 5 files of text" in refusal(written(tmp_path, "e.zip", cut), replace(LIMITS, texts=5))


@pytest.mark.parametrize("inside", [False, True])
def test_a_bomb_whose_size_stands_behind_it_is_not_unpacked_to_its_end(tmp_path: Path, inside: bool) -> None:
    bomb = deflated([b"[", *[SPACES] * 300])
    cut = local(*CONVERSATIONS) + local(b"b.json", bomb, method=8, flags=SIZES_FOLLOW, size=0, crc=0)
    path = written(tmp_path, "e.zip", zip_of({"in.zip": cut}) if inside else cut)
    with open_export(path, LIMITS) as export:
        assert [each.id for each in export.conversations()] == expected(3)  # type: ignore[union-attr]
        assert "zip bombs" in export.breaks[-1].reason
        assert export._budget.total - export._budget.left < 200 * path.stat().st_size + 5_000_000


def test_what_is_unpacked_to_find_an_end_counts_toward_the_whole(tmp_path: Path) -> None:
    long = deflated([json_of(chains(3000))])
    cut = local(*CONVERSATIONS) + local(b"b.json", long, method=8, flags=SIZES_FOLLOW, size=0, crc=0)
    with open_export(written(tmp_path, "e.zip", cut), replace(LIMITS, total_bytes=100_000)) as export:
        assert "SOULPRINT_MAX_EXPORT_BYTES" in export.breaks[-1].reason


def test_the_streams_of_a_gz_are_counted(tmp_path: Path) -> None:
    nothing = gzip.compress(b"", mtime=0)
    good = written(tmp_path, "c.json.gz", nothing * 20 + gzip.compress(THREE) + b"\0" * 100_000 + nothing)
    assert read(good, FEW) == (expected(3), [])
    many = written(tmp_path, "m.json.gz", nothing * 1_000_000 + gzip.compress(THREE))
    assert "more parts than any export has" in refusal(many)


def test_a_gz_in_a_zip_expands_by_what_both_do(tmp_path: Path) -> None:
    streams = gzip.compress(THREE[:-1]) + gzip.compress(SPACES, 9) * 50 + gzip.compress(b"]")
    packed = zip_of({"conversations.json.gz": streams})
    assert len(streams) < 200 * len(packed), "the outer layer alone is no bomb"
    found, breaks = read(written(tmp_path, "e.zip", packed))
    assert found == expected(3)
    assert "zip bombs" in breaks[0].reason


def test_a_gz_that_gives_nothing_is_counted_as_it_is_unpacked(tmp_path: Path) -> None:
    empty_blocks = gzip.compress(b"")[:10] + b"\0\0\0\xff\xff" * 1_000_000
    path = written(tmp_path, "e.zip", zip_of({"c.json.gz": empty_blocks}))
    assert "zip bombs" in refusal(path, replace(LIMITS, ratio=100))


def test_zips_in_a_zip_expand_by_what_all_layers_do(tmp_path: Path) -> None:
    inner = zip_of({"c.json": THREE + SPACES[:130_000]})
    assert len(THREE) + 130_000 < 200 * len(inner), "an inner layer alone is no bomb"
    middle = zip_by_hand([(b"%d.zip" % i, inner) for i in range(300)])
    path = written(tmp_path, "e.zip", zip_of({"middle.zip": middle}))
    with open_export(path, LIMITS) as export:
        for _ in export.conversations():
            pass
        assert "zip bombs" in export.breaks[-1].reason
        assert export._budget.total - export._budget.left < 200 * path.stat().st_size + 5_000_000


def test_entries_of_all_archives_are_counted_together(tmp_path: Path) -> None:
    inner = zip_by_hand([(b"%d.txt" % i, b"x") for i in range(20)])
    good = zip_of({"conversations.json": THREE, "a.zip": inner, "b.zip": inner})
    assert read(written(tmp_path, "good.zip", good), FEW) == (expected(3), [])
    more = zip_of({"conversations.json": THREE, "a.zip": inner, "b.zip": inner, "c.zip": inner})
    assert "more than 50 entries" in refusal(written(tmp_path, "e.zip", more), FEW)


def test_entries_that_share_their_bytes_are_counted_each(tmp_path: Path) -> None:
    conversations = THREE[:-1] + SPACES + b"]"
    packed = deflated([conversations])
    crc = zlib.crc32(conversations)
    body = local(b"c.json", packed, method=8, size=len(conversations), crc=crc)
    entry = central(b"c.json", 0, len(packed), len(conversations), crc, method=8)
    data = body + entry * 100 + end(100, len(entry) * 100, len(body))
    found, breaks = read(written(tmp_path, "e.zip", data), replace(LIMITS, ratio=1000))
    assert len(found) < 3 * 100
    assert "zip bombs" in breaks[-1].reason


def test_looking_at_many_members_is_counted(tmp_path: Path) -> None:
    data = zip_of({f"{i}.json": json_of(chains(50)) for i in range(20)})
    path = written(tmp_path, "e.zip", data)
    assert "the beginnings of the files" in refusal(path, replace(LIMITS, heads_bytes=200_000))


def test_a_name_too_long_for_a_file_is_refused(tmp_path: Path) -> None:
    data = zip_by_hand([CONVERSATIONS, (b"x" * 60_000 + b".json", THREE)])
    found, breaks = read(written(tmp_path, "e.zip", data))
    assert found == expected(3)
    assert "longer than 1024 bytes" in breaks[0].reason


def test_a_whole_archive_of_which_the_whole_is_asked_once(tmp_path: Path) -> None:
    cut = b"".join(local(b"%d.json" % i, json_of(chains(1, i))) for i in range(300))
    with open_export(written(tmp_path, "e.zip", cut), LIMITS) as export:
        digests = {member.identity().partition("\0")[2] for member in export._identified}
        assert len(digests) == 1
        assert len(export._identified) == 300
