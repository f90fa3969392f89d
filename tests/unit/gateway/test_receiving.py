"""What receives exports: one suite over storage and over a folder, and what is each one's own."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import gzip
import hashlib
import io
import stat
import zipfile
from collections import namedtuple
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from services.gateway.receiving.base import NotTakenError, Upload, Uploads, uninterrupted
from services.gateway.receiving.folder import FolderUploads
from services.gateway.receiving.opening import opened_uploads, uploads_folder
from services.gateway.receiving.storage import StorageUploads
from shared.domain.errors import SourceError, StoreError
from shared.domain.sources import local_paths, require_nameable
from shared.settings import load_settings
from shared.store.objects import open_objects
from tests.support.storage_server import Storage, storage_server
from tests.support.waiting import until

Usage = namedtuple("Usage", ("total", "used", "free"))
KEY = "service-key"
ANNA = UUID(int=0xA)
MOST = 1_000_000
NOW = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC)


def a_zip(size: int = 100_000) -> bytes:
    """An archive of about so many bytes."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("conversations.json", bytes(size))
    return held.getvalue()


ZIP, JSON = a_zip(), b'\xef\xbb\xbf \n[{"a": 1}]'
GZIP = gzip.compress(JSON, mtime=0)


@dataclass
class Place:
    """Where uploads go, and what lies there."""

    uploads: Uploads
    lies_there: Callable[[], dict[str, bytes]]
    roots: tuple[Path, ...] = ()


@asynccontextmanager
async def in_storage() -> AsyncIterator[tuple[Place, Storage]]:
    async with storage_server(KEY) as server, open_objects(server.url, KEY) as objects:
        server.make_bucket("imports")
        uploads = StorageUploads(objects, "imports", MOST, clock=lambda: NOW, removing=(0, 0, 0))
        yield Place(uploads, lambda: dict(server.objects)), server


def in_folder(root: Path) -> Place:
    def lies_there() -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}

    return Place(FolderUploads(root, MOST, clock=lambda: NOW), lies_there, (root,))


@pytest.fixture(params=["storage", "folder"])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    if request.param == "folder":
        yield in_folder(tmp_path / "uploads")
        return
    async with in_storage() as (found, _):
        yield found


async def pieces_of(
    body: bytes, size: int = 40_000, fails: BaseException | None = None
) -> AsyncIterator[bytes]:
    """A body in pieces, and an error after them."""
    for start in range(0, len(body), size):
        yield body[start : start + size]
    if fails is not None:
        raise fails


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize(("body", "suffix"), [(ZIP, ".zip"), (GZIP, ".gz"), (JSON, ".json")])
async def test_what_comes_lies_there_whole(place: Place, body: bytes, suffix: str, declared: bool) -> None:
    size = len(body) if declared else None
    upload = await place.uploads.receive(pieces_of(body), ANNA, "my export", size)
    assert place.lies_there() == {upload.source: body}
    assert (upload.sha256, upload.size) == (hashlib.sha256(body).hexdigest(), len(body))
    assert "1795435200250-" in upload.source
    assert upload.source.endswith(f"-my-export{suffix}")
    await place.uploads.discard(upload)
    assert place.lies_there() == {}
    await place.uploads.discard(upload)


async def test_it_comes_in_any_pieces(place: Place) -> None:
    upload = await place.uploads.receive(pieces_of(GZIP, 1), ANNA, "a.json.gz")
    assert place.lies_there() == {upload.source: GZIP}


@pytest.mark.parametrize(
    "name",
    ["a.zip", "", "..", "../../etc/passwd", "/etc/passwd", "C:\\a.zip", "a\0b.zip", "\r\nSet-Cookie: a",
     "a" * 5000, "Мой чат.zip", "\ud800.zip", "\u202egpj.zip", ".", ".zip", "a.part", "%2e%2e%2f",
     "a?b#c&d=e"],
)  # fmt: skip
async def test_any_name_is_made_safe_and_stays_in_its_users_folder(place: Place, name: str) -> None:
    upload = await place.uploads.receive(pieces_of(ZIP), ANNA, name)
    require_nameable(upload.source, ANNA, {"imports"}, place.roots)
    assert upload.source.split("/")[-2] == str(ANNA)
    last = upload.source.split("/")[-1]
    assert last.isascii()
    assert last.isprintable()
    assert len(last) <= 120
    if isinstance(place.uploads, FolderUploads):
        assert await place.uploads.clean() == 0


async def test_two_of_one_moment_and_name_are_two(place: Place) -> None:
    uploads = await asyncio.gather(
        *(place.uploads.receive(pieces_of(ZIP), ANNA, "export.zip") for _ in range(5))
    )
    assert place.lies_there() == {upload.source: ZIP for upload in uploads}
    assert len(place.lies_there()) == 5


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 422), (b"<html>", 415), (b"%PDF-1.4", 415), (b"hello", 415), (b" " * 600, 415),
     (b"\xff\xfe[\0", 415), (b"PK", 415), (b"7z\xbc\xaf\x27\x1c", 415),
     (b"id,title,text\r\n1,2,3", 415), (b"\x1f", 415)],
)  # fmt: skip
async def test_what_begins_like_no_export_is_not_taken(place: Place, body: bytes, status: int) -> None:
    with pytest.raises(NotTakenError, match="a zip, a gzip or JSON is taken") as refused:
        await place.uploads.receive(pieces_of(body), ANNA, "export.zip")
    assert refused.value.status == status
    assert place.lies_there() == {}


@pytest.mark.parametrize("declared", [True, False])
async def test_what_is_too_large_is_not_taken(place: Place, declared: bool) -> None:
    body = ZIP + bytes(MOST)
    with pytest.raises(NotTakenError, match="larger than 1,000,000 bytes") as refused:
        await place.uploads.receive(pieces_of(body), ANNA, "a.zip", len(body) if declared else None)
    assert refused.value.status == 413
    assert place.lies_there() == {}


@pytest.mark.parametrize("size", [10, 300, 100_000])
async def test_of_what_is_cut_off_nothing_is_left(place: Place, size: int) -> None:
    with pytest.raises(ZeroDivisionError):
        await place.uploads.receive(pieces_of(ZIP[:size], fails=ZeroDivisionError()), ANNA, "a.zip", len(ZIP))
    assert place.lies_there() == {}


async def test_of_what_is_cancelled_nothing_is_left(place: Place) -> None:
    half = asyncio.Event()

    async def stops() -> AsyncIterator[bytes]:
        yield ZIP
        half.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(place.uploads.receive(stops(), ANNA, "a.zip"))
    await half.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert place.lies_there() == {}


async def test_a_bucket_takes_what_it_takes() -> None:
    async with in_storage() as (place, server):
        server.make_bucket("imports", limit=50_000, types=["application/zip"])
        for size in (len(ZIP), None):
            with pytest.raises(NotTakenError, match="larger than 50,000 bytes") as refused:
                await place.uploads.receive(pieces_of(ZIP), ANNA, "a.zip", size)
            assert refused.value.status == 413
        with pytest.raises(NotTakenError, match="takes no application/json") as refused:
            await place.uploads.receive(pieces_of(JSON), ANNA, "a.json")
        assert refused.value.status == 415
        assert place.lies_there() == {}


async def test_a_project_may_take_less_than_its_bucket() -> None:
    async with in_storage() as (place, server):
        await place.uploads.receive(pieces_of(ZIP), ANNA, "a.zip")
        before = place.lies_there()
        server.make_bucket("imports", limit=10)  # what the bucket takes was asked a moment ago
        with pytest.raises(NotTakenError, match="larger than imports or its project takes"):
            await place.uploads.receive(pieces_of(ZIP), ANNA, "a.zip", len(ZIP))
        assert place.lies_there() == before


async def test_storage_that_is_away_is_told_and_what_it_kept_goes_when_it_is_back() -> None:
    async with in_storage() as (place, server):
        upload = await place.uploads.receive(pieces_of(ZIP), ANNA, "a.zip")
        server.fails = 1
        with pytest.raises(StoreError, match="answered 503"):
            await place.uploads.receive(pieces_of(ZIP), ANNA, "a.zip")
        server.fails = 2
        await place.uploads.discard(upload)
        assert place.lies_there() == {}
        server.fails = -1
        await place.uploads.discard(upload)  # it gives up, and says so in the log
        server.fails, server.buckets = 0, {}
    async with in_storage() as (place, server):
        server.buckets.clear()
        with pytest.raises(SourceError, match="no bucket imports"):
            await place.uploads.receive(pieces_of(ZIP), ANNA, "a.zip")


async def test_a_file_is_its_users_alone_and_appears_whole(tmp_path: Path) -> None:
    place, seen = in_folder(tmp_path / "uploads"), list[list[str]]()

    async def watched() -> AsyncIterator[bytes]:
        yield ZIP
        yield bytes(600_000)
        seen.append([name.rpartition(".")[2] for name in place.lies_there()])

    upload = await place.uploads.receive(watched(), ANNA, "a.zip")
    assert seen == [["part"]]
    path = Path(upload.source)
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parent.parent)] == [
        0o600, 0o700, 0o700,
    ]  # fmt: skip


async def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    place = in_folder(tmp_path / "\udcff [ü]")
    upload = await place.uploads.receive(pieces_of(ZIP), ANNA, "a.zip")
    (path,) = local_paths(upload.source) or ()
    assert place.lies_there() == {str(path): ZIP}
    await place.uploads.discard(upload)
    assert place.lies_there() == {}


async def test_who_is_cancelled_ends_what_was_begun() -> None:
    begun, may_end, ended = asyncio.Event(), asyncio.Event(), list[str]()

    async def work() -> None:
        begun.set()
        await may_end.wait()
        ended.append("ended")
        raise ZeroDivisionError

    task = asyncio.create_task(uninterrupted(work()))
    await begun.wait()
    task.cancel()
    await asyncio.sleep(0)
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["ended"]


async def test_what_a_crash_left_is_removed_and_what_is_being_written_stays(tmp_path: Path) -> None:
    root = tmp_path / "uploads"
    uploads = FolderUploads(root, MOST)
    assert await uploads.clean() == 0
    folder = root / str(ANNA)
    folder.mkdir(parents=True)
    left, whole, other = (folder / name for name in (".1-a.zip.part", "1-a.zip.part", ".2-b.zip.part"))
    for path in (left, whole, other):
        path.write_bytes(ZIP)
    with other.open("rb") as at_work:
        fcntl.flock(at_work, fcntl.LOCK_EX)
        assert await uploads.clean() == 1
    assert {*folder.iterdir()} == {whole, other}


@pytest.mark.parametrize("declared", [True, False])
async def test_room_is_left_to_the_database_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, declared: bool
) -> None:
    """Told before a byte is read where the size is known, and as it is written."""
    place, taken = in_folder(tmp_path / "uploads"), list[int]()
    room = [10**9, 0, 50_000_000 + (len(ZIP) - 1 if declared else 0)]
    monkeypatch.setattr("shared.room.shutil.disk_usage", lambda _: Usage(*room))
    monkeypatch.setattr("services.gateway.receiving.folder.LOOK_BYTES", 50_000)
    monkeypatch.setattr("services.gateway.receiving.folder._BATCH", 10_000)

    async def counted() -> AsyncIterator[bytes]:
        async for piece in pieces_of(ZIP):
            taken.append(len(piece))
            yield piece

    with pytest.raises(NotTakenError, match="no room for the export") as refused:
        await place.uploads.receive(counted(), ANNA, "a.zip", len(ZIP) if declared else None)
    assert refused.value.status == 507
    assert len(taken) < 3
    assert place.lies_there() == {}


@pytest.mark.parametrize(("number", "expected"), [(errno.ENOSPC, NotTakenError), (errno.EIO, StoreError)])
async def test_a_disk_that_is_full_or_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[Exception]
) -> None:
    def refuses(_: int) -> None:
        raise OSError(number, "a secret")

    place = in_folder(tmp_path / "uploads")
    monkeypatch.setattr("services.gateway.receiving.folder.os.fsync", refuses)
    with pytest.raises(expected) as told:
        await place.uploads.receive(pieces_of(ZIP), ANNA, "a.zip")
    assert str(ANNA) not in str(told.value)
    assert place.lies_there() == {}
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot keep the export"):
        await FolderUploads(tmp_path / "file", MOST).receive(pieces_of(ZIP), ANNA, "a.zip")


async def test_where_uploads_go_follows_from_the_settings(tmp_path: Path) -> None:
    home = {"home": tmp_path}
    async with opened_uploads(load_settings(**home)) as uploads:
        assert uploads is None
    async with opened_uploads(load_settings(**home, import_roots=(tmp_path / "other",))) as uploads:
        assert uploads is None
    folder = uploads_folder(load_settings(**home))
    for roots in ((folder,), (tmp_path / "other", tmp_path)):
        async with opened_uploads(load_settings(**home, import_roots=roots)) as uploads:
            assert isinstance(uploads, FolderUploads)
    async with storage_server(KEY) as server:
        settings = load_settings(
            **home, supabase_url=server.url, supabase_service_role_key=KEY, import_buckets="mine,others"
        )
        server.make_bucket("mine")
        async with opened_uploads(settings) as uploads:
            assert isinstance(uploads, StorageUploads)
            upload: Upload = await uploads.receive(pieces_of(ZIP), ANNA, "a.zip")
            assert upload.source.startswith(f"mine/{ANNA}/")
            await until(lambda: [*server.objects] == [upload.source])
