"""Where an export may come from, and what is said where it may not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest
from pydantic import SecretStr

from shared.domain.errors import ClosedSourceError, SourceError, StoreError
from shared.domain.sources import local_source
from shared.store.downloads import Downloads
from tests.support.odd_server import Odd, odd_server
from tests.support.storage_server import Storage, storage_server

KEY = "service-key"
BODY = b"PK" + bytes(range(256)) * 4000


@pytest.fixture
async def storage() -> AsyncIterator[Storage]:
    async with storage_server(KEY) as server:
        server.objects["exports/anna/my chats.zip"] = BODY
        yield server


def downloads_from(storage: Storage, **changes: object) -> Downloads:
    return Downloads(storage_url=storage.url, service_key=SecretStr(KEY), **changes)


def saved_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_an_object_is_saved_whole(storage: Storage, tmp_path: Path) -> None:
    target = tmp_path / "export"
    assert await downloads_from(storage).fetch("exports/anna/my chats.zip", target) == [target]
    assert target.read_bytes() == BODY
    assert storage.requests == ["/storage/v1/object/exports/anna/my%20chats.zip"]
    assert saved_in(tmp_path) == [target]


@pytest.mark.parametrize("status_in_body", [False, True])
async def test_a_missing_object(storage: Storage, tmp_path: Path, status_in_body: bool) -> None:
    storage.status_in_body = status_in_body
    with pytest.raises(StoreError, match="no such object in exports"):
        await downloads_from(storage).fetch("exports/anna/none.zip", tmp_path / "export")
    assert saved_in(tmp_path) == []


@pytest.mark.parametrize("status_in_body", [False, True])
async def test_a_refused_key_is_not_told(storage: Storage, tmp_path: Path, status_in_body: bool) -> None:
    storage.status_in_body = status_in_body
    downloads = Downloads(storage_url=storage.url, service_key=SecretStr("wrong-key"))
    with pytest.raises(StoreError, match="may not read exports") as caught:
        await downloads.fetch("exports/anna/my chats.zip", tmp_path / "export")
    assert "wrong-key" not in str(caught.value)


async def test_a_body_that_breaks_off_leaves_nothing(storage: Storage, tmp_path: Path) -> None:
    storage.truncate = True
    with pytest.raises(StoreError, match="broke off"):
        await downloads_from(storage).fetch("exports/anna/my chats.zip", tmp_path / "export")
    assert saved_in(tmp_path) == []


async def test_other_answers_and_sizes(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="larger than 1000 bytes"):
        await downloads_from(storage, max_bytes=1000).fetch("exports/anna/my chats.zip", tmp_path / "export")
    storage.fails = -1
    with pytest.raises(StoreError, match="answered 503"):
        await downloads_from(storage).fetch("exports/anna/my chats.zip", tmp_path / "export")
    assert saved_in(tmp_path) == []


async def test_a_body_without_an_end_is_cut_at_the_limit_and_a_silent_one_is_given_up(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.endless = True
    with pytest.raises(SourceError, match="larger than 5000000 bytes"):
        await downloads_from(storage, max_bytes=5_000_000).fetch(
            "exports/anna/my chats.zip", tmp_path / "export"
        )
    storage.endless, storage.silent = False, True
    monkeypatch.setattr("shared.store.storage._TIMEOUT", httpx2.Timeout(0.2))
    with pytest.raises(StoreError, match="no answer in time"):
        await downloads_from(storage).fetch("exports/anna/my chats.zip", tmp_path / "export")
    assert saved_in(tmp_path) == []


async def test_a_body_that_trickles_is_given_up(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.trickles = True
    monkeypatch.setattr("shared.store.storage._STEP_SECONDS", 0.2)
    with pytest.raises(StoreError, match="no answer in time"):
        await downloads_from(storage).fetch("exports/anna/my chats.zip", tmp_path / "export")
    assert saved_in(tmp_path) == []


class Disk:
    """The disk that downloads see: so large, with so much free."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, total: int, free: int) -> None:
        self.total, self.free = total, free
        monkeypatch.setattr("shared.room.shutil.disk_usage", lambda _: self)

    def __iter__(self) -> Iterator[int]:
        yield from (self.total, self.total - self.free, self.free)


async def test_room_is_asked_for_before_anything_is_read_and_again(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch, target = downloads_from(storage).fetch, tmp_path / "export"
    disk = Disk(monkeypatch, total=10**9, free=50_000_000 + len(BODY) - 1)  # a twentieth stays free
    with pytest.raises(StoreError, match="the disk is full") as later:
        await fetch("exports/anna/my chats.zip", target)
    assert not isinstance(later.value, SourceError)
    disk.free += 1
    assert await fetch("exports/anna/my chats.zip", target) == [target]
    target.unlink()
    disk.total = len(BODY)
    with pytest.raises(ClosedSourceError, match="set TMPDIR"):
        await fetch("exports/anna/my chats.zip", target)
    disk.total, storage.endless = 10**9, True
    monkeypatch.setattr("shared.store.storage.LOOK_BYTES", 100_000)
    disk.free = 50_000_000
    with pytest.raises(StoreError, match="the disk is full"):
        await fetch("exports/anna/my chats.zip", target)
    assert saved_in(tmp_path) == []


async def test_what_is_said_to_be_too_large_is_not_begun(storage: Storage, tmp_path: Path) -> None:
    storage.silent = True
    with pytest.raises(SourceError, match="larger than 1000 bytes"):
        await downloads_from(storage, max_bytes=1000).fetch("exports/anna/my chats.zip", tmp_path / "export")


async def test_a_folder_that_is_not_there(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot save the export"):
        await downloads_from(storage).fetch("exports/anna/my chats.zip", tmp_path / "none" / "export")


async def test_nobody_answers(tmp_path: Path) -> None:
    async with storage_server(KEY) as server:
        downloads = downloads_from(server)
    with pytest.raises(StoreError, match="cannot be reached"):
        await downloads.fetch("exports/a.zip", tmp_path / "export")


@pytest.mark.parametrize(
    "source",
    [
        "",
        "exports",
        "exports/",
        "exports//a.zip",
        "exports/../secrets/a.zip",
        "exports/./a.zip",
        "exports/a/..",
        "../a.zip",
        "-x/a.zip",
        "exports/a\x00.zip",
        "exports/a\n.zip",
        "exports\\a.zip",
        "https://example.org/a.zip",
        "file:///etc/passwd",
        "HTTP:exports/a.zip",
    ],
)
async def test_sources_that_are_refused(storage: Storage, tmp_path: Path, source: str) -> None:
    with pytest.raises(StoreError, match="source: "):
        await downloads_from(storage, roots=[tmp_path]).fetch(source, tmp_path / "export")
    assert storage.requests == []


async def test_buckets_and_settings(storage: Storage, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="bucket exports is not one"):
        await downloads_from(storage, buckets={"uploads"}).fetch("exports/a.zip", tmp_path / "export")
    with pytest.raises(StoreError, match="needs the project's URL"):
        await Downloads().fetch("exports/a.zip", tmp_path / "export")
    (saved,) = await downloads_from(storage, buckets={"exports"}).fetch(
        "exports/anna/my chats.zip", tmp_path / "export"
    )
    assert saved.read_bytes() == BODY


async def test_local_files_only_below_the_roots(tmp_path: Path) -> None:
    root, outside = tmp_path / "allowed", tmp_path / "allowed-not"
    root.mkdir()
    outside.mkdir()
    (root / "a.zip").write_bytes(b"a")
    (outside / "b.zip").write_bytes(b"b")
    (root / "link.zip").symlink_to(outside / "b.zip")
    downloads = Downloads(roots=[root])
    target = tmp_path / "export"
    assert await downloads.fetch(str(root / "a.zip"), target) == [root / "a.zip"]
    assert await downloads.fetch(local_source([root / "a.zip", root]), target) == [root, root / "a.zip"]
    for source in (outside / "b.zip", root / "link.zip", root / ".." / "allowed-not" / "b.zip"):
        with pytest.raises(StoreError, match="does not lie below"):
            await downloads.fetch(str(source), target)
        with pytest.raises(StoreError, match="does not lie below"):
            await downloads.fetch(local_source([root / "a.zip", source]), target)
    with pytest.raises(StoreError, match=r"does not lie below .+ set IMPORT_ROOTS") as refused:
        await downloads.fetch(str(outside / "none.zip"), target)  # whether it is there is none of theirs
    assert str(outside / "none.zip") in str(refused.value)
    with pytest.raises(StoreError, match=r"no such local file .+none\.zip.+ below IMPORT_ROOTS"):
        await downloads.fetch(str(root / "none.zip"), target)
    with pytest.raises(StoreError, match="does not lie below"):
        await Downloads().fetch(str(root / "a.zip"), target)
    assert not target.exists()


async def test_of_a_long_refusal_only_the_beginning_is_read(tmp_path: Path) -> None:
    async with odd_server(Odd(400, b'{"statusCode":"404"' + b" " * 10_000 + b"}")) as server:
        downloads = Downloads(storage_url=server.url, service_key=SecretStr(KEY))
        with pytest.raises(StoreError, match="answered 400"):
            await downloads.fetch("exports/anna/my chats.zip", tmp_path / "export")
