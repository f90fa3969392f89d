"""Bad exports: a clear error that names the file and the place, and nothing of it lost that can be read."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from shared.domain.errors import UnreadableExportError
from shared.exports.conversation import ReadLimits
from shared.exports.export import Break, open_export
from tests.support.exports import chains, json_of, zip_of
from tests.support.formats import all_of

LIMITS = ReadLimits()
THREE = json_of(chains(3))
MANY = json_of(chains(2000))


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def refusal(path: Path, limits: ReadLimits = LIMITS) -> str:
    with pytest.raises(UnreadableExportError) as caught:
        open_export(path, limits)
    assert path.name in str(caught.value)
    return str(caught.value)


def read(path: Path, limits: ReadLimits = LIMITS) -> tuple[list[str], list[Break]]:
    with open_export(path, limits) as export:
        found = [each.id for each in all_of(export)]
        return found, export.breaks


def expected(count: int) -> list[str]:
    return [f"c{i}" for i in range(count)]


def test_not_there(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "gone.zip")


def test_empty_file(tmp_path: Path) -> None:
    assert "is empty (0 bytes)" in refusal(written(tmp_path, "e.zip", b""))


def test_empty_folder(tmp_path: Path) -> None:
    assert "is not a chat export" in refusal(tmp_path)


def test_a_device_is_not_opened() -> None:
    assert "neither a file nor a folder" in refusal(Path("/dev/null"))


@pytest.mark.parametrize(
    "data",
    [
        b"remember the milk",
        b"\x89PNG\r\n",
        b"<html><body>hi</body></html>",
        b"{}",
        b'{"name": "package", "version": 1}',
        b'[{"id": 1}, {"id": 2}]',
        b"[1, 2, 3]",
        b"   \n",
        b"[",
        b"{",
        zip_of({}),
        zip_of({"a.txt": b"x", "b.json": b"{}"}),
        gzip.compress(b"nothing of interest", mtime=0),
        gzip.compress(b"", mtime=0),  # else its id holds the time, and workers disagree
        b"\x1f\x8b",
    ],
)
def test_not_an_export(tmp_path: Path, data: bytes) -> None:
    message = refusal(written(tmp_path, "thing", data))
    assert "is not a chat export" in message
    assert "milk" not in message


def test_utf_16(tmp_path: Path) -> None:
    assert "save it as UTF-8" in refusal(written(tmp_path, "u.json", THREE.decode().encode("utf-16")))


def test_broken_json_in_the_middle(tmp_path: Path) -> None:
    cut = MANY.index(b'"c1000-m1"')
    found, breaks = read(written(tmp_path, "c.json", MANY[:cut]))
    assert found == expected(1000)
    assert [each.file for each in breaks] == ["c.json"]
    assert breaks[0].place == f"byte {cut}, after conversation 1000"
    assert "ends inside" in breaks[0].reason


def test_one_broken_conversation_among_good_ones(tmp_path: Path) -> None:
    found, breaks = read(
        written(tmp_path, "c.json", MANY.replace(b'"title": "Title of c7"', b'"title" "Title of c7"'))
    )
    assert [*found[:7], *found[8:]] == [*expected(7), *expected(2000)[8:]]
    assert found[7] == "c.json#8"
    assert breaks == []


def test_a_broken_member_does_not_keep_the_others_from_being_read(tmp_path: Path) -> None:
    data = zip_of({"c-1.json": json_of(chains(2))[:-30], "c-2.json": json_of(chains(2, 2))})
    found, breaks = read(written(tmp_path, "e.zip", data))
    assert found == ["c0", "c2", "c3"]
    assert [each.file for each in breaks] == ["e.zip/c-1.json"]


def test_truncated_gz(tmp_path: Path) -> None:
    packed = gzip.compress(MANY)
    found, breaks = read(written(tmp_path, "c.json.gz", packed[: len(packed) // 2]))
    assert 0 < len(found) < 2000
    assert found == expected(len(found))
    assert breaks[0].reason == "the compressed data ends too early"
    assert breaks[0].place.endswith(f"after conversation {len(found)}")


def test_damaged_gz(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(MANY))
    packed[len(packed) // 2 : len(packed) // 2 + 50] = b"\xff" * 50
    found, breaks = read(written(tmp_path, "c.json.gz", bytes(packed)))
    assert len(found) > 0
    assert len(breaks) == 1


def test_gz_followed_by_rubbish_gives_everything(tmp_path: Path) -> None:
    found, breaks = read(written(tmp_path, "c.json.gz", gzip.compress(THREE) + b"rubbish"))
    assert found == expected(3)
    assert len(breaks) == 1


def damaged_zip(flip_from_end: int) -> bytes:
    data = bytearray(zip_of({"c.json": MANY, "d.json": json_of(chains(2, 5000))}))
    end = data.index(b"PK\x03\x04", 4)
    data[end - flip_from_end] ^= 0xFF
    return bytes(data)


def test_damaged_zip_member_gives_what_came_before(tmp_path: Path) -> None:
    found, breaks = read(written(tmp_path, "e.zip", damaged_zip(2000)))
    before = found[:-2]
    assert found[-2:] == ["c5000", "c5001"]
    assert len(before) > 100
    assert [each.file for each in breaks] == ["e.zip/c.json"]
    assert breaks[0].place.endswith(f"after conversation {len(before)}")


def test_wrong_checksum_is_told(tmp_path: Path) -> None:
    data = bytearray(zip_of({"c.json": MANY}))
    crc = struct.pack("<I", zlib.crc32(MANY))
    found, breaks = read(written(tmp_path, "e.zip", bytes(data).replace(crc, b"\x01\x02\x03\x04")))
    assert found == expected(len(found))
    assert len(found) > 1000
    assert breaks[0].reason == "its checksum is wrong: the data is damaged"


@pytest.mark.parametrize("sizes_follow", [False, True])
@pytest.mark.parametrize("keep", [0.5, 0.98])
def test_truncated_zip_gives_what_can_be_salvaged(tmp_path: Path, sizes_follow: bool, keep: float) -> None:
    file = io.BytesIO()
    target = _Unseekable(file) if sizes_follow else file
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("media/a.png", b"png" * 1000)
        archive.writestr("conversations-000.json", THREE)
        archive.writestr("conversations-001.json", json_of(chains(2000, 3)))
    data = file.getvalue()
    found, breaks = read(written(tmp_path, "e.zip", data[: int(len(data) * keep)]))
    assert len(found) > 500
    assert found == expected(len(found))
    assert breaks[0] == Break(
        "e.zip", "its end", "the archive is cut off: its table of contents is missing; download it again"
    )
    assert [each.file for each in breaks[1:]] == ["e.zip/conversations-001.json"]


class _Unseekable(io.RawIOBase):
    """Makes zipfile write sizes behind the data, as vendors that stream their archives do."""

    def __init__(self, file: io.BytesIO) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        return self._file.write(data)

    def flush(self) -> None:
        self._file.flush()


def test_truncated_zip_without_a_whole_header(tmp_path: Path) -> None:
    assert "cut off" in refusal(written(tmp_path, "e.zip", zip_of({"c.json": THREE})[:20]))


def test_truncated_inner_zip(tmp_path: Path) -> None:
    inner = zip_of({"c.json": MANY})
    found, breaks = read(written(tmp_path, "e.zip", zip_of({"inner.zip": inner[: len(inner) // 2]})))
    assert len(found) > 100
    assert breaks[0].file == "e.zip/inner.zip"


def encrypted(data: bytes) -> bytes:
    """`data` with the flag of encryption set on every entry."""
    changed = bytearray(data)
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = -1
        while (at := changed.find(mark, at + 1)) >= 0:
            changed[at + offset] |= 1
    return bytes(changed)


def test_password_protected_zip(tmp_path: Path) -> None:
    message = refusal(written(tmp_path, "e.zip", encrypted(zip_of({"conversations.json": THREE}))))
    assert "protected by a password" in message
    assert "e.zip/conversations.json" in message


def test_unsupported_compression(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("c.json", THREE)
    assert "unpack the archive" in refusal(written(tmp_path, "e.zip", file.getvalue()))


def test_a_file_removed_after_opening_is_a_break(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    gone = written(folder, "a.json", json_of(chains(1, 7)))
    written(folder, "b.json", THREE)
    with open_export(folder, LIMITS) as export:
        gone.unlink()
        assert [each.id for each in all_of(export)] == expected(3)
        assert [each.file for each in export.breaks] == ["f/a.json"]


def test_a_shard_whose_beginning_is_damaged_is_told(tmp_path: Path) -> None:
    for junk in (b"not json", b'[{"mappin": 1}]'):
        found, breaks = read(written(tmp_path, "e.zip", zip_of({"c-1.json": THREE, "c-2.json": junk})))
        assert found == expected(3)
        assert [(each.file, each.place) for each in breaks] == [("e.zip/c-2.json", "byte 0")]


def test_random_damage_to_a_zip_is_told_or_read(tmp_path: Path) -> None:
    data = zip_of({"users.json": b"[]", "c-1.json": json_of(chains(20)), "c-2.json": json_of(chains(20, 20))})
    for at in range(0, len(data), max(1, len(data) // 300)):
        damaged = bytearray(data)
        damaged[at] ^= 0x5A
        path = written(tmp_path, "e.zip", bytes(damaged))
        try:
            found, breaks = read(path)
        except UnreadableExportError:
            continue
        assert len(found) == 40 or breaks
