"""Objects of storage: what is sent, and what is said where it is refused."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from shared.domain.errors import SourceError, StoreError
from shared.store.object_names import bucket_of, media_type, object_path
from shared.store.objects import Objects, StoredObject, open_objects
from tests.support.odd_server import Odd, odd_server
from tests.support.storage_server import Storage, storage_server

KEY = "service-key"
ANNA = UUID(int=0xA)
NOW = datetime(2026, 11, 23, 12, 0, 0, 250_000, tzinfo=UTC)
BODY = b"PK" + bytes(range(256)) * 500
SECRET = "a secret"
"""What storage repeats in its answers, and we do not."""


@pytest.fixture
async def storage() -> AsyncIterator[Storage]:
    async with storage_server(KEY) as server:
        server.make_bucket("imports")
        yield server


@pytest.fixture
async def objects(storage: Storage) -> AsyncIterator[Objects]:
    async with open_objects(f"{storage.url}/", KEY) as opened:
        yield opened


@pytest.fixture
def export(tmp_path: Path) -> Path:
    file = tmp_path / "export.zip"
    file.write_bytes(BODY)
    return file


async def test_what_is_uploaded_is_listed_and_removed(
    storage: Storage, objects: Objects, export: Path
) -> None:
    await objects.upload("imports", f"{ANNA}/1-a.zip", export, "application/zip")
    await objects.upload("imports", f"{ANNA}/sub/2-b.zip", export, "application/zip")
    await objects.upload("imports", "other/3-c.zip", export, "application/json")
    assert storage.objects[f"imports/{ANNA}/1-a.zip"] == BODY
    assert storage.kinds[f"imports/{ANNA}/1-a.zip"] == "application/zip"
    size = len(BODY)
    listed = await objects.list("imports", str(ANNA))
    assert listed == [StoredObject(f"{ANNA}/1-a.zip", size), StoredObject(f"{ANNA}/sub/2-b.zip", size)]
    assert await objects.remove("imports", [each.path for each in listed]) == 2
    assert await objects.remove("imports", [each.path for each in listed]) == 0
    assert [*storage.objects] == ["imports/other/3-c.zip"]
    assert await objects.list("imports", "") == [StoredObject("other/3-c.zip", size)]


async def test_long_lists_are_read_page_by_page(storage: Storage, objects: Objects) -> None:
    storage.objects |= {f"imports/{ANNA}/{number}.zip": b"" for number in range(2000)}
    paths = [each.path for each in await objects.list("imports", str(ANNA))]
    assert len(set(paths)) == len(paths) == 2000
    assert await objects.remove("imports", paths) == 2000


async def test_a_list_has_an_end(objects: Objects, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.objects |= {f"imports/{ANNA}/{number}.zip": b"" for number in range(3)}
    monkeypatch.setattr("shared.store.objects._MOST", 2)
    with pytest.raises(StoreError, match="more than 2 objects below one folder of imports"):
        await objects.list("imports", str(ANNA))


@pytest.mark.parametrize(
    ("status", "says"), [('"418"', "answered 418"), ('"a secret"', "answered an error, asked to list")]
)
async def test_a_refusal_of_another_kind(status: str, says: str) -> None:
    odd = Odd(400, f'{{"statusCode":{status},"error":"a secret","message":"a secret"}}'.encode())
    async with odd_server(odd) as server, open_objects(server.url, KEY) as objects:
        with pytest.raises(StoreError, match=says) as told:
            await objects.list("imports", "")
    assert SECRET not in str(told.value)


async def test_an_upload_is_read_as_it_is_sent(storage: Storage, objects: Objects, tmp_path: Path) -> None:
    large = tmp_path / "large.zip"
    with large.open("wb") as file:
        file.truncate(64 * 1024**2)
    storage.forgets = True
    tracemalloc.start()
    try:
        await objects.upload("imports", "a/large.zip", large, "application/zip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert storage.taken > 64 * 1024**2
    assert peak < 8 * 1024**2, peak


async def pieces_of(body: bytes, fails: Exception | None = None) -> AsyncIterator[bytes]:
    """A body in pieces, and an error after them."""
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]
    if fails is not None:
        raise fails


@pytest.mark.parametrize("size", [None, len(BODY)])
async def test_a_stream_is_written_as_it_comes(storage: Storage, objects: Objects, size: int | None) -> None:
    await objects.write("imports", f"{ANNA}/1-a.zip", pieces_of(BODY), "application/zip", size)
    assert storage.objects == {f"imports/{ANNA}/1-a.zip": BODY}
    assert storage.kinds == {f"imports/{ANNA}/1-a.zip": "application/zip"}
    with pytest.raises(SourceError, match="of this name is in imports already"):
        await objects.write("imports", f"{ANNA}/1-a.zip", pieces_of(BODY), "application/zip", size)


@pytest.mark.parametrize("size", [None, 10 * len(BODY)])
async def test_of_a_stream_that_breaks_there_is_no_object(
    storage: Storage, objects: Objects, size: int | None
) -> None:
    with pytest.raises(ZeroDivisionError):
        await objects.write("imports", "a/1.zip", pieces_of(BODY, ZeroDivisionError()), "x/y", size)
    assert storage.objects == {}
    await objects.write("imports", "a/1.zip", pieces_of(BODY), "x/y")
    assert storage.objects == {"imports/a/1.zip": BODY}


async def test_a_refused_stream_is_told_in_our_words(storage: Storage, objects: Objects) -> None:
    storage.make_bucket("imports", limit=10, types=["application/zip"])
    for bucket, kind, size, told in (
        ("none", "application/zip", None, "no bucket none"),
        ("imports", "text/html", None, "files of this type"),
        ("imports", "application/zip", len(BODY), "larger than imports"),
    ):
        with pytest.raises(SourceError, match=told) as refused:
            await objects.write(bucket, "a/1.zip", pieces_of(BODY), kind, size)
        assert SECRET not in str(refused.value)
    storage.fails = 1
    with pytest.raises(StoreError, match="answered 503, asked to write into imports"):
        await objects.write("imports", "a/1.zip", pieces_of(BODY), "application/zip")
    assert storage.objects == {}


async def test_a_bucket_says_what_it_takes(storage: Storage, objects: Objects) -> None:
    free = await objects.bucket("imports")
    assert (free.public, free.refusal(10**12, "text/csv")) == (False, "")
    storage.make_bucket("imports", public=True, limit=1000, types=["application/*", "Text/CSV"])
    found = await objects.bucket("imports")
    assert found.public
    assert found.refusal(1000, "application/zip") == found.refusal(1000, "text/csv") == ""
    assert found.refusal(1001, "application/zip") == "takes at most 1,000 bytes, and the file has 1,001"
    assert found.refusal(1, "text/html") == "takes no text/html, only application/*, Text/CSV"


async def test_what_storage_refuses_is_told_in_our_words(
    storage: Storage, objects: Objects, export: Path
) -> None:
    async def upload(bucket: str = "imports", path: str = "a/1.zip") -> str:
        with pytest.raises(SourceError) as refused:
            await objects.upload(bucket, path, export, "application/zip")
        return str(refused.value)

    storage.objects["imports/a/0.zip"] = b""
    told = [await upload("none"), await upload(path="a/0.zip")]
    storage.make_bucket("imports", limit=10)
    told.append(await upload())
    storage.make_bucket("imports", types=["text/html"])
    told.append(await upload())
    storage.key = "another"
    told.append(await upload())
    for expected, said in zip(
        [
            "no bucket none",
            "in imports already",
            "larger than",
            "files of this type",
            "may not write into imports",
        ],
        told,
        strict=True,
    ):
        assert expected in said
        assert SECRET not in said
        assert KEY not in said
    with pytest.raises(SourceError, match="may not look at imports"):
        await objects.bucket("imports")
    with pytest.raises(SourceError, match="may not list imports"):
        await objects.list("imports", "")
    with pytest.raises(SourceError, match="may not remove from imports"):
        await objects.remove("imports", ["a"])


@pytest.mark.parametrize(
    "answer",
    [b"<html>a secret</html>", b"[]", b'"a secret"', b'{"url": 1}', b'{"url": "/x"}', b"\xff", b"[1]"],
)
async def test_an_answer_that_is_not_storages_is_told_and_not_repeated(
    storage: Storage, objects: Objects, export: Path, answer: bytes
) -> None:
    storage.says = answer
    for call in (objects.bucket("imports"), objects.upload("imports", "a/1.zip", export, "x/y")):
        with pytest.raises(StoreError, match=r"not Supabase's storage; check SUPABASE_URL") as told:
            await call
        assert SECRET not in str(told.value)
        assert told.value.__cause__ is None


async def test_a_storage_that_is_away_or_silent_or_floods(
    storage: Storage, objects: Objects, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.fails = 1
    with pytest.raises(StoreError, match="answered 503"):
        await objects.bucket("imports")
    storage.says = b" " * (9 * 1024**2)
    with pytest.raises(StoreError, match="not Supabase's storage"):
        await objects.list("imports", "")
    storage.says, storage.truncate = None, True
    with pytest.raises(StoreError, match="broke off"):
        await objects.bucket("imports")
    storage.truncate, storage.silent = False, True
    monkeypatch.setattr("shared.store.objects.CALL_SECONDS", 0.1)
    with pytest.raises(StoreError, match="no answer in time"):
        await objects.remove("imports", ["a"])
    gone = export.with_name("gone.zip")
    with pytest.raises(SourceError, match=r"gone\.zip: cannot be read"):
        await objects.upload("imports", "a/1.zip", gone, "application/zip")


async def test_nobody_answers() -> None:
    async with storage_server(KEY) as server:
        url = server.url
    async with open_objects(url, KEY) as objects:
        with pytest.raises(StoreError, match="cannot be reached; check SUPABASE_URL"):
            await objects.bucket("imports")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("export.zip", "export.zip"),
        ("My Chats (2026).ZIP", "My-Chats-2026.zip"),
        ("Экспорт данных.zip", "export.zip"),
        ("Café müller.json.gz", "Cafe-muller.json.gz"),
        ("..", "export"),
        ("...zip", "export.zip"),
        (".htaccess", "export.htaccess"),
        ("a/b\x00\n?.json", "a-b.json"),
        ("\udcff\ud800.json", "export.json"),
        ("no suffix", "no-suffix"),
        ("a" * 300 + ".zip", "a" * 80 + ".zip"),
        ("\u202egpj.zip", "gpj.zip"),
    ],
)
def test_any_name_becomes_a_safe_one(name: str, expected: str) -> None:
    assert object_path(ANNA, name, NOW) == f"{ANNA}/1795435200250-{expected}"


def test_what_is_told_of_the_type() -> None:
    assert [media_type(Path(name)) for name in ("a.ZIP", "a.json", "a.json.gz", "a")] == [
        "application/zip", "application/json", "application/gzip", "application/octet-stream",
    ]  # fmt: skip


async def test_the_slowest_upload_is_given_its_time(
    storage: Storage, objects: Objects, export: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.store.objects.CALL_SECONDS", 0.0)
    await objects.upload("imports", "a/1.zip", export, "application/zip")
    with pytest.raises(StoreError, match="no answer in time"):
        await objects.bucket("imports")


def test_exports_are_put_where_the_services_read() -> None:
    assert bucket_of(None) == bucket_of(["a", "imports"]) == "imports"
    assert bucket_of(["exports"]) == "exports"
