"""Names that strangers give, and folders that hold more than they should."""

from __future__ import annotations

import os
import unicodedata
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.exports.containers.names import SHOWN, named, natural_key, shown
from tests.support.exports import chains, json_of, zip_of
from tests.unit.exports.test_source_bad import LIMITS, THREE, expected, read, refusal, written

HOSTILE = {
    "escape": "a\x1b]0;title\x07b.json",
    "lines": "a\nsoulprint: done\r\u2028\u2029\x85b.json",
    "bidi": "a\u202egpj.\u2066nosj\u200f.json",
    "surrogates": "a\udcff\ud800.json",
    "long": "x" * 10_000 + ".json",
    "pile": "a" + "\u0300\u0323" * 5000 + ".json",
    "no ink": "\u3164\u115f\ufe0f\u2800\U000e0100.json",
    "private": "\ue000\U000f0000.json",
    "spaces": "a\u00a0\u3000\t.json",
}


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE)
def test_names_are_shown_printable_on_one_line_and_short(name: str) -> None:
    clean = shown(name)
    assert clean.isprintable()
    assert len(clean) <= SHOWN
    assert clean == shown(clean)
    assert clean.endswith(".json")
    assert named(Path("folder", name.replace("\0", ""))).isprintable()


@given(st.text(max_size=2000))
def test_any_name_is_shown_so(name: str) -> None:
    assert shown(name).isprintable()
    assert len(shown(name)) <= SHOWN
    shown(name).encode()


def test_names_are_left_as_they_are_where_nothing_is_wrong_with_them() -> None:
    for name in (
        "conversations.json",
        "Gespräche [2024] (1).json",
        "Mi actividad.json",
        "会話.json",
        "हिन्दी.json",
        "😀.json",
    ):
        assert shown(unicodedata.normalize("NFD", name)) == shown(name) == unicodedata.normalize("NFC", name)


def test_shards_are_in_the_order_of_their_numbers() -> None:
    names = [
        "c-10.json",
        "c-9.json",
        "c-010.json",
        "c.json",
        "c-1.json",
        "c-" + "9" * 300 + ".json",
        "b-2.json",
        "c-0.json",
    ]
    assert sorted(names, key=natural_key) == [
        *("b-2.json", "c-0.json", "c-1.json", "c-9.json", "c-10.json", "c-010.json"),
        *("c-" + "9" * 300 + ".json", "c.json"),
    ]
    assert len(natural_key("1a" * 5000)) <= 3 * 5000


def test_links_that_lead_in_a_circle_and_out_are_told_and_the_rest_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    written(folder, "c.json", THREE)
    (folder / "one").symlink_to(folder / "two")
    (folder / "two").symlink_to(folder / "one")
    (folder / "up").symlink_to(folder)
    (folder / "out").symlink_to("/etc")
    os.mkfifo(folder / "pipe.json")
    found, breaks = read(folder)
    assert found == expected(3)
    assert {(each.file, each.place) for each in breaks} == {
        (f"f/{name}", "the link") for name in ("one", "two", "out")
    }


def test_folders_in_folders_without_end(tmp_path: Path) -> None:
    root = tmp_path / "f"
    root.mkdir()
    written(root, "c.json", THREE)
    deep = root
    for _ in range(100):
        deep /= "d"
        deep.mkdir()
    written(deep, "deep.json", json_of(chains(1, 7)))
    found, breaks = read(root)
    assert found == expected(3)
    assert [each.reason for each in breaks] == ["folders lie more than 64 deep in one another"]


def test_a_folder_of_many_archives_keeps_few_open(tmp_path: Path) -> None:
    for n in range(6):
        written(tmp_path, f"{n}.zip", zip_of({"c.json": json_of(chains(1, n))}))
    found, breaks = read(tmp_path, replace(LIMITS, archives=4))
    assert len(found) == 4
    assert len(breaks) == 2
    assert all("more than 4 archives" in each.reason for each in breaks)


def test_entries_are_counted_before_a_folder_is_read_whole(tmp_path: Path) -> None:
    for n in range(6):
        (tmp_path / f"d{n}").mkdir()
        written(tmp_path / f"d{n}", "c.json", THREE)
    assert "more than 8 files" in refusal(tmp_path, replace(LIMITS, members=8))
