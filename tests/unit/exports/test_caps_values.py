"""What a value would take in memory is told before it is parsed, and what would take too much is rejected."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.exports.conversation import LARGE_AHEAD, Conversation, ReadLimits, Rejected
from shared.exports.export import open_export
from shared.exports.formats.copilot import Copilot
from shared.exports.formats.gemini_html import GeminiHtml
from shared.exports.formats.le_chat import LeChat
from shared.exports.json.stream import stream_objects
from shared.exports.json.weight import MOST_FOLD, held, weight_of
from shared.settings import Settings
from tests.support.exports import chain, chains, json_of, zip_of
from tests.support.formats import read

MIB = 1024 * 1024
CAP = 8 * MIB
SMALL = ReadLimits(conversation_memory=CAP, text_memory=2 * MIB)
UNITS = [
    *(b"[],", b"{},", b'{"a":0},', b"[0],", b"300,", b"1,", b"1.5,", b"12345678901234567890,", b"null,"),
    *(b'"aa",', b'"",', '"é",'.encode(), '"\U0001f600",'.encode(), b'"\\ud83d\\ude00",', '"й",'.encode()),
    b'{"a":' * 500 + b"0" + b"}" * 500 + b",",
    b"[" * 1000 + b"]" * 1000 + b",",
    b'{"a":{"b":[{},{},{}]},"c":"d"},',
]


def weight(data: bytes, cap: int = CAP, longest: int = CAP) -> int:
    return weight_of(bytearray(data), 0, len(data), cap, longest)


def values(data: bytes, prefix: str, limits: ReadLimits = SMALL) -> list[Any]:
    found = stream_objects(io.BytesIO(data), "m", limits, [prefix])
    return [each for each in found if each is not LARGE_AHEAD]


def list_of(unit: bytes, size: int) -> bytes:
    return b"[" + unit * (size // len(unit)) + b"0]"


@pytest.mark.parametrize("unit", UNITS)
def test_no_value_takes_more_than_its_weight(unit: bytes) -> None:
    data = list_of(unit, MIB // 4)
    assert held(orjson.loads(data)) < weight(data, 10**12) <= len(data) * MOST_FOLD + 10**6
    assert weight(data, len(data) * MOST_FOLD) >= held(orjson.loads(data)), "not looked at"


def test_keys_that_are_all_different_weigh_what_they_take() -> None:
    data = json.dumps({f"{n:x}": 0 for n in range(30_000)}).encode()
    value = orjson.loads(data)
    assert held(value) + held(list(value)) < weight(data)


@settings(max_examples=40)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda of: st.lists(of) | st.dictionaries(st.text(), of)
    )
)
def test_any_value_weighs_at_least_what_it_takes(value: object) -> None:
    for ascii_only in (True, False):
        data = bytearray(json.dumps([value] * 50, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"))
        cap = len(data) * (MOST_FOLD - 1)
        for longest in (cap, 4 * len(data)):  # the second has each string looked at
            assert held(json.loads(data)) <= weight_of(data, 0, len(data), cap, longest)


@pytest.mark.parametrize("end", ["", "\U0001f600", "й"])
def test_a_text_weighs_what_its_widest_character_makes_of_it(end: str) -> None:
    text = json.dumps("a" * MIB + end, ensure_ascii=False).encode()
    assert held(orjson.loads(text)) <= weight(text, 40 * MIB, 40 * MIB) + 1000
    escaped = json.dumps("a" * MIB + end).encode()
    assert held(orjson.loads(escaped)) <= weight(escaped, 40 * MIB, 40 * MIB) + 1000


def test_what_only_looks_like_escapes_weighs_what_it_is() -> None:
    text = json.dumps("\\u\U0001f600" * 100_000).encode()
    for data in (text, json.dumps("\\u\U0001f600" * 100_000, ensure_ascii=False).encode()):
        assert held(orjson.loads(data)) <= weight(data, 80 * MIB, 80 * MIB)


def test_marks_in_a_text_are_none_and_its_characters_are_counted() -> None:
    code = json.dumps({"code": '{"a": [1, 2, 3], "b": {}},' * 20_000}).encode()
    assert weight(code) < 2 * len(code)
    greek = json.dumps("Ελλάδα " * 100_000).encode()
    assert weight(greek, CAP) < 2 * len(greek)


@pytest.mark.parametrize("unit", [b'{"a":0},', b"1,"])
def test_what_would_take_too_much_is_rejected_and_the_file_goes_on(unit: bytes) -> None:
    heavy = b'{"id":"heavy","mapping":' + list_of(unit, 1_400_000) + b"}"
    data = b"[" + json_of(chain("one")) + b"," + heavy + b"," + json_of(chain("two")) + b"]"
    first, bad, last = values(data, "item")
    assert (first["id"], last["id"]) == ("c1", "c1")
    assert bad == Rejected(
        "m#2",
        f"it would take more than {CAP} bytes of memory, or one text of it more than "
        f"{2 * MIB}, the caps on one conversation",
    )


def test_one_text_too_wide_is_rejected_and_as_long_a_narrow_one_is_read() -> None:
    wide = json.dumps(chain("a" * MIB + "\U0001f600")).encode()
    narrow = json.dumps(chain("a" * MIB + "!")).encode()
    bad, good = values(wide + b"\n" + narrow, "")
    assert isinstance(bad, Rejected)
    assert isinstance(good, dict)


def test_what_is_no_json_is_not_read_leniently_where_that_takes_too_much() -> None:
    lone = b'{"a":"\\ud800' + b"a" * 470_000 + b'"}'
    assert values(lone, "") == [{"a": "\ud800" + "a" * 470_000}]
    (bad,) = values(lone, "", replace(SMALL, conversation_memory=5_900_000))
    assert "too large to be read all the same" in bad.reason


def test_a_key_that_is_no_key_is_not_held() -> None:
    with pytest.raises(Exception, match="no key stands here"):
        list(stream_objects(io.BytesIO(b'{"' + b"k" * 2 * MIB + b'":[]}'), "m", ReadLimits(), ["a.item"]))


def test_rows_of_a_csv_are_held_by_all_that_they_hold() -> None:
    rows = "".join(f"t,{'9' * 50_000}{n},Human,\U0001f600 hi\r\n" for n in range(200))
    data = f"Conversation,Time,Author,Message\r\n{rows}other,2024-01-01T00:00:00,Human,hi\r\n".encode()
    bad, good = read(Copilot(), data, SMALL)
    assert isinstance(bad, Rejected)
    assert "bytes of memory" in bad.reason
    assert isinstance(good, Conversation)


def test_a_page_is_not_decoded_where_one_emoji_would_widen_it_too_much() -> None:
    def page(text: str) -> bytes:
        cell = '<div class="outer-cell"><div class="header-cell">Gemini Apps</div><div class="content-cell">'
        return f"{cell}Prompted {text}</div></div>".encode()

    for wide in ("\U0001f600", "&#128512;"):
        found = read(GeminiHtml(), page("a" * MIB + wide) + page("short"), SMALL)
        bad, good = (each for each in found if isinstance(each, Conversation | Rejected))
        assert isinstance(bad, Rejected)
        assert isinstance(good, Conversation)


def test_messages_of_one_file_are_held_by_what_they_take_together() -> None:
    message = {
        "chatId": "c",
        "id": "m",
        "role": "user",
        "createdAt": "2024-01-01T00:00:00Z",
        "content": "hello",
    }
    heavy = [message | {"id": f"m{n}", "contentChunks": [{}] * 1000} for n in range(100)]
    (bad,) = [each for each in read(LeChat(), heavy, SMALL) if isinstance(each, Conversation | Rejected)]
    assert isinstance(bad, Rejected)
    assert "bytes of memory" in bad.reason


def test_conversations_of_an_export_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "e.zip"
    path.write_bytes(zip_of({"c-1.json": json_of(chains(4)), "c-2.json": json_of(chains(4, 4))}))
    with open_export(path, replace(ReadLimits(), conversations=6)) as export:
        assert [each.id for each in export.conversations()] == [f"c{n}" for n in range(6)]  # type: ignore[union-attr]
        (only,) = export.breaks
        assert only.file == "e.zip/c-2.json"
        assert "may hold 6 conversations" in only.reason
        assert "SOULPRINT_MAX_CONVERSATIONS" in only.reason


def test_the_caps_agree_with_one_another_and_with_the_setting() -> None:
    usual = ReadLimits()
    assert Settings().max_conversation_bytes == usual.conversation_bytes == usual.text_memory
    assert usual.conversation_memory == 6 * usual.conversation_bytes
