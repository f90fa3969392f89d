"""Where exports lie, as one text."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from shared.domain.errors import ForeignSourceError, SourceError
from shared.domain.sources import local_paths, local_source, require_nameable

ANNA, BEN = UUID(int=0xA), UUID(int=0xB)
HOME, SHARED = Path("/home/soulprint/uploads"), Path("/srv/exports")


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


@pytest.mark.parametrize(
    "source",
    [
        f"imports/{ANNA}/1-a.zip",
        "exports/a b/c.zip",
        "imports/readme.zip",
        f"{HOME}/{ANNA}/1-a.zip",
        f"{SHARED}/a.zip",
        f"{SHARED}/team/a.zip",
        local_source([SHARED / "a.zip", SHARED / "b.zip"]),
    ],
)
def test_a_person_may_name_what_is_open_to_them(source: str) -> None:
    require_nameable(source, ANNA, {"imports", "exports"}, [HOME, SHARED])


@pytest.mark.parametrize(
    "source",
    [
        "",
        "imports",
        "imports/",
        "imports/../secrets/a.zip",
        f"imports/{ANNA}/../{BEN}/a.zip",
        f"imports/{ANNA}//a.zip",
        f"imports/{ANNA}/./a.zip",
        f"imports/{ANNA}/a\0.zip",
        f"imports/{ANNA}/a\n.zip",
        f"imports/{ANNA}/a\ud800.zip",
        f"imports\\{ANNA}\\a.zip",
        "../imports/a.zip",
        "-imports/a.zip",
        "https://example.com/a.zip",
        "file:///etc/passwd",
        "[1]",
        "[" * 4000,
        f"imports/{'a' * 5000}",
        f"{SHARED}/../../etc/passwd",
        f"{SHARED}/a\0",
        f'["{SHARED}/\\ud800.zip"]',
    ],
)
def test_what_is_no_source_is_refused(source: str) -> None:
    with pytest.raises(SourceError) as refused:
        require_nameable(source, ANNA, {"imports"}, [HOME, SHARED])
    assert not isinstance(refused.value, ForeignSourceError)


@pytest.mark.parametrize(
    "source",
    [
        "secrets/a.zip",
        f"imports/{BEN}/a.zip",
        f"imports/{BEN.hex}/a.zip",
        f"imports/{{{BEN}}}/a.zip",
        "/",
        "/etc/passwd",
        f"{SHARED}x/a.zip",
        str(SHARED.parent),
        f"{HOME}/{BEN}/1-a.zip",
        local_source([SHARED / "a.zip", HOME / str(BEN) / "a.zip"]),
    ],
)
def test_what_is_anothers_is_refused(source: str) -> None:
    with pytest.raises(ForeignSourceError) as refused:
        require_nameable(source, ANNA, {"imports"}, [HOME, SHARED])
    assert str(BEN) not in str(refused.value)


def test_without_a_folder_no_local_file_is_taken_and_without_a_list_any_bucket() -> None:
    require_nameable("any/a.zip", ANNA, None)
    with pytest.raises(ForeignSourceError):
        require_nameable(f"{SHARED}/a.zip", ANNA, None)
