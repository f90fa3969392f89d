"""Where exports lie, as one text."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.domain.sources import local_paths, local_source


@pytest.mark.parametrize(
    "names",
    [
        ["/a.zip"],
        ["/a.zip", "/b, c.zip"],
        ["/ex\udcffport.zip"],
        ['/a"b.zip', "/\n[.zip", "/ü/\udcff.zip"],
        ["/["],
    ],
)
def test_any_files_are_found_again_and_the_text_can_be_stored(names: list[str]) -> None:
    source = local_source([Path(name) for name in names])
    assert sorted(map(str, local_paths(source) or [])) == sorted(names)
    assert source.encode()
    assert local_source([Path(name) for name in reversed(names)]) == source


@pytest.mark.parametrize(
    "source",
    [
        "bucket/a.zip",
        "",
        "[]",
        "[1]",
        '["a.zip"]',
        '["bucket/a.zip"]',
        '["/a\\u0000"]',
        "[",
        "{}",
        "[" * 9999,
    ],
)
def test_what_names_no_local_file_is_none(source: str) -> None:
    assert local_paths(source) is None
