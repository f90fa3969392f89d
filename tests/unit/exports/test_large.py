"""What is larger than any window is read like all else, in every format."""

from __future__ import annotations

import html
import io
import json

import pytest

from shared.exports.conversation import Conversation, Parsed, ReadLimits
from shared.exports.formats.gemini_html import GeminiHtml
from shared.exports.formats.registry import FORMATS
from shared.exports.json.stream import stream_objects
from tests.support.formats import LIMITS
from tests.support.samples import SAMPLES, data_of

LARGE = 1024 * 1024
HUGE = ["I keep bees in " + "Ghent " * (LARGE // 2), "Nice"]


def read(name: str, data: bytes) -> list[Parsed]:
    known = next(each for each in FORMATS if each.name == name)
    return list(known.read(io.BytesIO(data), "member", LIMITS))


@pytest.mark.parametrize("name", SAMPLES)
def test_a_large_conversation(name: str) -> None:
    (found,) = read(name, data_of(SAMPLES[name](HUGE)))
    assert isinstance(found, Conversation)
    assert [turn.text.strip() for turn in found.turns] == [text.strip() for text in HUGE]


def test_a_large_activity_of_a_page() -> None:
    cell = (
        '<div class="outer-cell"><div class="header-cell"><p>Gemini Apps</p></div><div class="content-cell">'
        "Prompted {}<br>Apr 12, 2026, 3:34:31 PM EDT<br></div></div>"
    )
    page = "<html>" + "".join(cell.format(html.escape(text)) for text in ("small", HUGE[0], "small"))
    found = GeminiHtml().read(io.BytesIO(page.encode()), "m", LIMITS)
    assert [isinstance(item, Conversation) for item in found] == [True, True, True]


BIG = {"a": "x" * (2 * LARGE)}


@pytest.mark.parametrize(
    ("data", "prefix", "values"),
    [
        ([{"a": 1}, BIG, {"a": 2}], "item", [{"a": 1}, BIG, {"a": 2}]),
        ({"list": [BIG]}, "list.item", [BIG]),
        ({"other": BIG, "list": [1]}, "list.item", [1]),
        ({"other": {"a": "x" * (LARGE // 2)}, "list": [1]}, "list.item", [1]),
        (BIG, "", [BIG]),
        (BIG, "item", []),
        (["x" * (2 * LARGE)], "item", ["x" * (2 * LARGE)]),
    ],
)
def test_values_and_what_lies_between(data: object, prefix: str, values: list[object]) -> None:
    assert list(stream_objects(io.BytesIO(json.dumps(data).encode()), "m", LIMITS, (prefix,))) == values


def test_large_lines() -> None:
    lines = b"\n".join(json.dumps(each).encode() for each in ({"a": 1}, BIG, {"a": 2}))
    found = list(stream_objects(io.BytesIO(lines), "m", LIMITS, ("",)))
    assert found == [{"a": 1}, BIG, {"a": 2}]


def test_what_is_over_a_cap_below_that_is_refused_as_ever() -> None:
    limits = ReadLimits(conversation_bytes=4096)
    found = list(stream_objects(io.BytesIO(json.dumps([1, BIG, 2]).encode()), "m", limits, ("item",)))
    assert (found[0], len(found), found[2]) == (1, 3, 2)


def test_twenty_megabytes_in_one_conversation() -> None:
    big = {"title": "big", "create_time": 1, "mapping": {str(i): "x" * 5_000_000 for i in range(4)}}
    small = {"title": "small", "create_time": 1, "mapping": {"a": [{"title": "x"}]}}
    data = json.dumps([small, big, small]).encode()
    assert list(stream_objects(io.BytesIO(data), "m", LIMITS, ("item",))) == [small, big, small]
