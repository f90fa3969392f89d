"""What an export may come as, and that nothing else of it is read."""

from __future__ import annotations

import gzip
import json
import os
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from shared.domain.errors import UnreadableExportError
from shared.exports.conversation import Conversation, LeftOut, ReadLimits, Rejected
from shared.exports.export import Export, open_export
from tests.support.exports import chain, chains, json_of, zip_of
from tests.support.formats import all_of

LIMITS = ReadLimits()
CLAUDE = [
    {
        "uuid": "u1",
        "name": "Claude chat",
        "created_at": "2024-01-01T00:00:00Z",
        "chat_messages": [{"uuid": "m", "sender": "human", "text": "hello", "content": []}],
    }
]
UNRELATED = {
    "users.json": json_of([{"uuid": "x", "full_name": "Ada Example"}]),
    "user.json": json_of({"id": "user-x", "email": "ada@example.org"}),
    "message_feedback.json": json_of([{"id": "f", "conversation_id": "c1", "rating": "thumbs_up"}]),
    "shared_conversations.json": json_of([{"id": "s", "conversation_id": "c1", "title": "t"}]),
    "group_chats.json": json_of({"chats": []}),
    "projects.json": json_of([{"uuid": "p", "name": "n", "docs": []}]),
    "model_comparisons.json": b"[]",
    "chat.html": b"<html><body>jsonData</body></html>",
}


def written(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def ids(export: Export) -> list[str]:
    return [each.id for each in all_of(export)]


def ids_in(path: Path, limits: ReadLimits = LIMITS) -> list[str]:
    with open_export(path, limits) as export:
        found = ids(export)
        assert export.breaks == []
        assert export.bytes_read == export.bytes_total
        return found


THREE = json_of(chains(3))
LINES = b"\n".join(json_of(each) for each in chains(3))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("conversations.json", THREE),
        ("no-extension", THREE),
        ("bom.json", b"\xef\xbb\xbf" + THREE),
        ("a.json.gz", gzip.compress(THREE)),
        ("a.jsonl", LINES),
        ("a.ndjson", LINES + b"\n"),
        ("a.jsonl.gz", gzip.compress(LINES)),
        ("two-streams.gz", gzip.compress(THREE[:100]) + gzip.compress(THREE[100:])),
        ("export.zip", zip_of({"conversations.json": THREE})),
        ("export.dat", zip_of({"deep/in/folders/data": THREE})),
        ("gz-in.zip", zip_of({"conversations.json.gz": gzip.compress(THREE)})),
        ("nested.zip", zip_of({"inner.zip": zip_of({"conversations.json": THREE})})),
        ("twice-nested.zip", zip_of({"i.zip": zip_of({"j.zip": zip_of({"conversations.json": THREE})})})),
    ],
)
def test_every_container(tmp_path: Path, name: str, data: bytes) -> None:
    path = written(tmp_path, name, data)
    assert ids_in(path) == ["c0", "c1", "c2"]
    with open_export(path, LIMITS) as export:
        assert export.format_names == ("chatgpt",)
        assert export.format_names == ("chatgpt",)


def test_shards_in_numeric_order(tmp_path: Path) -> None:
    shards = {f"conversations-{i}.json": json_of(chains(1, i)) for i in (10, 2, 1, 0, 9)}
    expected = ["c0", "c1", "c2", "c9", "c10"]
    assert ids_in(written(tmp_path, "e.zip", zip_of(shards))) == expected
    for name, data in shards.items():
        written(tmp_path / "folder" / "sub", name, data)
    assert ids_in(tmp_path / "folder") == expected


def test_shards_of_one_name_are_both_read(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zip_of(
            [("conversations.json", json_of(chains(1))), ("conversations.json", json_of(chains(1, 1)))]
        )
    assert ids_in(written(tmp_path, "e.zip", data)) == ["c0", "c1"]


def test_what_is_not_conversations_is_ignored(tmp_path: Path) -> None:
    junk = {
        "__MACOSX/._conversations.json": THREE,
        "._conversations.json": THREE,
        "img/a.png": THREE,
        "empty": b"",
    }
    data = zip_of(UNRELATED | junk | {"file-abc.dat": b"\x89PNG....", "conversations.json": THREE})
    assert ids_in(written(tmp_path, "e.zip", data)) == ["c0", "c1", "c2"]


def test_several_vendors_in_one_folder(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    written(folder, "1/gpt.zip", zip_of(UNRELATED | {"conversations.json": THREE}))
    written(folder, "2/conversations.json", json_of(CLAUDE))
    written(folder, "3/notes.txt", b"remember the milk")
    with open_export(folder, LIMITS) as export:
        assert export.format_names == ("chatgpt", "claude")
        assert ids(export) == ["c0", "c1", "c2", "u1"]


def test_takeout_under_localised_folder_names(tmp_path: Path) -> None:
    rows = [
        {
            "header": "Gemini Apps",
            "title": f"Prompted question {i}",
            "time": f"2024-05-0{i}T10:00:00.000Z",
            "products": ["Gemini Apps"],
            "safeHtmlItem": [{"html": "<p>answer</p>"}],
        }
        for i in (1, 2)
    ]
    data = zip_of({"Takeout/Meine Aktivitäten/Gemini-Apps/MeineAktivitäten.json": json_of(rows)})
    with open_export(written(tmp_path, "takeout.zip", data), LIMITS) as export:
        assert export.format_names == ("gemini",)
        assert len(ids(export)) == 2


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.json", b"[]"),
        ("a.json", b"\xef\xbb\xbf[ ]\n"),
        ("a.json", b'{"conversations": []}'),
        ("a.zip", zip_of(UNRELATED | {"conversations.json": b"[]"})),
        ("a.zip", zip_of({"whatever.json": b"[]"})),
    ],
)
def test_an_empty_export_is_no_error(tmp_path: Path, name: str, data: bytes) -> None:
    with open_export(written(tmp_path, name, data), LIMITS) as export:
        assert (ids(export), export.format_names) == ([], ())
        assert export.breaks == []
        assert export.fingerprint


def test_left_out_and_rejected_pass_through(tmp_path: Path) -> None:
    objects = [chain("a", is_do_not_remember=True), 7, chain("b", conversation_id="c2")]
    with open_export(written(tmp_path, "a.json", json_of(objects)), LIMITS) as export:
        parsed = all_of(export)
    assert [type(each) for each in parsed] == [LeftOut, Rejected, Conversation]
    assert parsed[1].id == "a.json#2"


def test_progress_reaches_the_total_and_never_falls(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    written(folder, "1.json", json_of(chains(300)))
    written(folder, "2.json.gz", gzip.compress(json_of(chains(300, 300))))
    written(folder, "3.zip", zip_of({"c.json": json_of(chains(300, 600))}))
    with open_export(folder, LIMITS) as export:
        assert export.bytes_read == 0
        seen = [export.bytes_read for _ in export.conversations()]
        assert len(seen) == 900
        assert seen == sorted(seen)
        assert 0 < seen[0] < export.bytes_total
        assert export.bytes_read == export.bytes_total


def fingerprint(path: Path) -> str:
    with open_export(path, LIMITS) as export:
        return export.fingerprint


def test_fingerprint_tells_content_not_names(tmp_path: Path) -> None:
    plain = fingerprint(written(tmp_path, "a.json", THREE))
    assert fingerprint(written(tmp_path, "b.json", THREE)) == plain
    assert fingerprint(written(tmp_path, "c.json", THREE.replace(b"question 2", b"question 3"))) != plain
    packed = fingerprint(written(tmp_path, "a.zip", zip_of({"c.json": THREE})))
    assert fingerprint(written(tmp_path, "b.zip", zip_of({"c.json": THREE, "photo.png": b"p"}))) == packed
    assert fingerprint(written(tmp_path, "c.zip", zip_of({"c.json": THREE + b" "}))) != packed
    nested = {"i.zip": zip_of({"c.json": THREE})}
    assert fingerprint(written(tmp_path, "d.zip", zip_of(nested))) == packed
    assert fingerprint(written(tmp_path, "f/x/a.json", THREE).parent) == plain
    assert fingerprint(written(tmp_path, "g/b.json.gz", gzip.compress(THREE)).parent) != plain


def test_links_are_not_followed_out_of_the_folder(tmp_path: Path) -> None:
    outside = written(tmp_path, "outside/secret.json", json_of(chains(1, 9)))
    folder = tmp_path / "export"
    written(folder, "c.json", THREE)
    (folder / "link.json").symlink_to(outside)
    (folder / "linked").symlink_to(outside.parent)
    (folder / "loop").symlink_to(folder)
    (folder / "again.json").symlink_to(folder / "c.json")
    (folder / "dangling").symlink_to(folder / "gone")
    os.mkfifo(folder / "pipe.json")
    with open_export(folder, LIMITS) as export:
        assert ids(export) == ["c0", "c1", "c2"]
        assert sorted(each.file for each in export.breaks) == ["export/link.json", "export/linked"]
        assert all("leads out of the folder" in each.reason for each in export.breaks)


def test_a_link_as_the_export_itself_is_fine(tmp_path: Path) -> None:
    link = tmp_path / "link.json"
    link.symlink_to(written(tmp_path, "c.json", THREE))
    assert ids_in(link) == ["c0", "c1", "c2"]


def test_huge_conversations_and_messages(tmp_path: Path) -> None:
    big = chain("x" * 5_000_000, "é" * 10_000_000, conversation_id="big")
    objects = [*chains(1), big, *chains(1, 1)]
    path = written(tmp_path, "c.json", json.dumps(objects, ensure_ascii=False).encode())
    with open_export(path, LIMITS) as export:
        parsed = all_of(export)
    assert [each.id for each in parsed] == ["c0", "big", "c1"]
    assert isinstance(parsed[1], Conversation)
    assert [len(turn.text) for turn in parsed[1].turns] == [5_000_000, 10_000_000]
    with open_export(path, replace(LIMITS, conversation_bytes=1_000_000)) as export:
        parsed = all_of(export)
    assert [type(each) for each in parsed] == [Conversation, Rejected, Conversation]


def test_zip64(tmp_path: Path) -> None:
    path = tmp_path / "e.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("conversations.json", "w", force_zip64=True) as member,
    ):
        member.write(THREE)
    assert b"\x01\x00" in path.read_bytes()[:100]  # the Zip64 extra field
    assert ids_in(path) == ["c0", "c1", "c2"]


def test_zip64_by_the_number_of_entries(tmp_path: Path) -> None:
    data = zip_of({"c.json": THREE})
    end = data.rindex(b"PK\x05\x06")
    entries, size, offset = struct.unpack_from("<HII", data, end + 10)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, size, offset)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, end, 1)
    last = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path = written(tmp_path, "e.zip", data[:end] + record + locator + last)
    assert ids_in(path) == ["c0", "c1", "c2"]
    with pytest.raises(UnreadableExportError, match="more than 0 entries"):
        open_export(path, replace(LIMITS, members=0))


def test_reading_stops_early_and_closes(tmp_path: Path) -> None:
    path = written(tmp_path, "e.zip", zip_of({"i.zip": zip_of({"c.json": json_of(chains(500))})}))
    with open_export(path, LIMITS) as export:
        conversations = export.conversations()
        assert next(conversations).id == "c0"
        conversations.close()
    export.close()
