"""Exports made to do harm: bombs, lies about sizes, too much of everything, names that lead elsewhere."""

from __future__ import annotations

import gzip
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from shared.exports.containers.names import leads_outside
from tests.support.exports import chains, json_of, zip_of
from tests.unit.exports.test_source_bad import LIMITS, MANY, THREE, expected, read, refusal, written


def test_zip_bomb_by_ratio(tmp_path: Path) -> None:
    bomb = json_of([*chains(1), {"title": "0" * 20_000_000}])
    path = written(tmp_path, "e.zip", zip_of({"conversations.json": bomb}))
    message = refusal(path)
    assert "zip bombs" in message
    assert "SOULPRINT_MAX_COMPRESSION_RATIO" in message
    assert read(path, replace(LIMITS, ratio=100_000)) == (["c0", "e.zip/conversations.json#2"], [])


def test_zip_bomb_of_nothing_but_zeros(tmp_path: Path) -> None:
    bomb = zip_of({"bomb.json": b"[" + b"0" * 20_000_000})
    assert "zip bombs" in refusal(written(tmp_path, "e.zip", bomb))


def test_a_bomb_beside_the_conversations_is_not_touched(tmp_path: Path) -> None:
    data = zip_of(
        {"conversations.json": THREE, "bomb.bin": b"\0" * 20_000_000, "bomb.json": b"[" + b"0" * 20_000_000}
    )
    assert read(written(tmp_path, "e.zip", data)) == (expected(3), [])


def test_zip_bomb_in_an_inner_zip(tmp_path: Path) -> None:
    bomb = zip_of({"inner.zip": zip_of({"a.json": b"1"}) + b"\0" * 20_000_000})
    assert "zip bombs" in refusal(written(tmp_path, "e.zip", bomb))


def test_gz_bomb_breaks_after_what_came_before(tmp_path: Path) -> None:
    bomb = gzip.compress(json_of([*chains(1), {"title": "0" * 20_000_000}, *chains(1, 1)]))
    found, breaks = read(written(tmp_path, "c.json.gz", bomb))
    assert found == ["c0"]
    assert "zip bombs" in breaks[0].reason


def test_a_size_that_lies_gives_no_more_than_it_says(tmp_path: Path) -> None:
    data = zip_of({"c.json": MANY})
    size = struct.pack("<I", len(MANY))
    found, breaks = read(written(tmp_path, "e.zip", data.replace(size, struct.pack("<I", 100_000))))
    assert 0 < len(found) < 200
    assert len(breaks) == 1


def test_more_bytes_than_the_cap(tmp_path: Path) -> None:
    path = written(tmp_path, "e.zip", zip_of({"c.json": MANY}))
    assert "SOULPRINT_MAX_EXPORT_BYTES" in refusal(path, replace(LIMITS, total_bytes=100_000))
    packed = written(tmp_path, "c.json.gz", gzip.compress(MANY, 1))
    found, breaks = read(packed, replace(LIMITS, total_bytes=len(packed.read_bytes()) + 100_000))
    assert 0 < len(found) < 2000
    assert "SOULPRINT_MAX_EXPORT_BYTES" in breaks[0].reason


def test_archives_nested_too_deep(tmp_path: Path) -> None:
    data = zip_of({"c.json": THREE})
    for _ in range(3):
        data = zip_of({"inner.zip": data})
    assert "deep in one another" in refusal(written(tmp_path, "e.zip", data))


def test_too_many_entries(tmp_path: Path) -> None:
    few = replace(LIMITS, members=5)
    data = zip_of({f"{i}.json": THREE for i in range(6)})
    assert "more than 5 entries" in refusal(written(tmp_path, "e.zip", data), few)
    folder = tmp_path / "folder"
    folder.mkdir()
    for i in range(6):
        written(folder, f"{i}.json", THREE)
    assert "more than 5 files" in refusal(folder, few)


def test_a_table_of_contents_that_claims_too_much(tmp_path: Path) -> None:
    data = bytearray(zip_of({"c.json": THREE}))
    struct.pack_into("<H", data, data.rindex(b"PK\x05\x06") + 10, 60_000)
    assert "more than 50 entries" in refusal(
        written(tmp_path, "e.zip", bytes(data)), replace(LIMITS, members=50)
    )


@pytest.mark.parametrize(
    "name", ["../c.json", "a/../../c.json", "/etc/c.json", "C:\\c.json", "..\\c.json", "\\c.json"]
)
def test_names_that_lead_out_of_the_archive(tmp_path: Path, name: str) -> None:
    assert leads_outside(name)
    assert "leads out of the archive" in refusal(written(tmp_path, "e.zip", zip_of({name: THREE})))
    found, breaks = read(
        written(tmp_path, "f.zip", zip_of({"good.json": THREE, name: json_of(chains(1, 9))}))
    )
    assert found == expected(3)
    assert len(breaks) == 1
    assert breaks[0].place == "its name"


@pytest.mark.parametrize("name", ["a..b/c.json", "...json", "c.json", "sub/c:d.json"])
def test_names_that_only_look_odd(name: str) -> None:
    assert not leads_outside(name)


def test_names_are_shown_without_control_characters(tmp_path: Path) -> None:
    name = "\x1b[31m" + "x" * 5000 + "\n.json"
    found, breaks = read(written(tmp_path, "e.zip", zip_of({name: json_of(chains(1))[:-5], "d.json": THREE})))
    assert found == expected(3)
    assert len(breaks[0].file) < 300
    assert breaks[0].file.isprintable()
