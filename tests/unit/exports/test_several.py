"""Several files as one export."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest

from shared.domain.errors import UnreadableExportError
from shared.exports.conversation import ReadLimits
from shared.exports.export import open_export, open_exports
from tests.support.exports import chains, json_of, zip_of

LIMITS = ReadLimits()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """A large zip, and two small ones of the same name."""
    found = []
    for name, count, first in (("large", 5, 0), ("small", 2, 5), ("other/small", 2, 3)):
        path = tmp_path / f"{name}.zip"
        path.parent.mkdir(exist_ok=True)
        objects = chains(first + count)[first:]
        path.write_bytes(zip_of({"conversations.json": json_of(objects)}))
        found.append(path)
    return found


def read(paths: list[Path]) -> tuple[str, list[str], int]:
    """(fingerprint, ids in order, bytes)."""
    with open_exports(paths, LIMITS) as export:
        fingerprint = export.fingerprint
        ids = [each.id for each in export.conversations()]
        assert export.bytes_read == export.bytes_total
        assert export.breaks == []
        assert export.format_names == ("chatgpt",)
        return fingerprint, ids, export.bytes_total


def test_their_order_makes_no_difference_and_the_largest_is_first(files: list[Path]) -> None:
    read_so = {str(read(list(order))) for order in permutations(files)}
    assert len(read_so) == 1
    _, ids, _ = read(files)
    assert ids[:5] == read(files[:1])[1]
    assert len(ids) == 9


def test_the_same_content_counts_once_whatever_it_is_called(files: list[Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy (1).zip"
    shutil.copy(files[0], copy)
    assert read([files[0], files[0], copy]) == read(files[:1])
    assert read([copy, *files]) == read(files)
    with open_export(files[0], LIMITS) as alone:
        assert alone.fingerprint == read([files[0], copy])[0] != read(files)[0]


def test_one_that_is_no_export_is_named(files: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UnreadableExportError, match=r"missing\.zip does not exist"):
        open_exports([*files, tmp_path / "missing.zip"], LIMITS)


def test_the_cap_is_on_all_of_them(files: list[Path]) -> None:
    total = read(files)[2]
    with pytest.raises(UnreadableExportError, match=r"3 files hold .+ SOULPRINT_MAX_EXPORT_BYTES"):
        open_exports(files, replace(LIMITS, total_bytes=total - 1))


def test_a_name_of_any_bytes_is_read_and_told(tmp_path: Path) -> None:
    path = tmp_path / "ex\udcffport.json"
    whole = json_of(chains(3))
    path.write_bytes(whole[: len(whole) * 3 // 4])
    with open_exports([path], LIMITS) as export:
        assert list(export.conversations())
        assert [each.file for each in export.breaks] == ["ex\ufffdport.json"]
