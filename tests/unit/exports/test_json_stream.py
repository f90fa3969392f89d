from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import BrokenExportError
from shared.exports.conversation import LARGE_AHEAD, Conversation, ReadLimits, Rejected
from shared.exports.json import reader as json_reader
from shared.exports.json.stream import read_conversations, stream_objects
from tests.support.growth import MOST_GROWTH, growth

LIMITS = ReadLimits()
EVERYWHERE = ("item", "conversations.item", "")


class Dribble(io.BytesIO):
    """A stream that gives a few bytes at a time, so that every boundary falls somewhere awkward."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__(data)
        self._most = most

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(self._most, size) if size and size > 0 else self._most)


class Failing(io.BytesIO):
    """A stream that breaks at its end."""

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        if not data:
            raise BrokenExportError("m.json", "byte 0", "the compressed data ends too early")
        return data


class Endless(io.RawIOBase):
    """`parts`, each a string of bytes and how often it comes, without holding them."""

    def __init__(self, *parts: tuple[bytes, int]) -> None:
        self._blocks = (block for block, times in parts for _ in range(times))

    def read(self, size: int = -1, /) -> bytes:
        return next(self._blocks, b"")


def stream(data: bytes, *prefixes: str, limits: ReadLimits = LIMITS) -> list[Any]:
    return list(stream_objects(io.BytesIO(data), "m.json", limits, prefixes or ("item",)))


def until_break(source: Iterator[Any]) -> tuple[list[Any], BrokenExportError]:
    values: list[Any] = []
    with pytest.raises(BrokenExportError) as caught:
        values.extend(source)  # keeps what came before the break
    return values, caught.value


OBJECTS = [
    {"title": f"T{i}", "create_time": i, "mapping": {"a": [{"title": "x"}, {"title": "y"}]}} for i in range(9)
]


@pytest.mark.parametrize("indent", [None, 1, 4])
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\r\n", " : ")])
def test_arrays_however_they_are_written(indent: int | None, separators: tuple[str, str]) -> None:
    assert stream(json.dumps(OBJECTS, indent=indent, separators=separators).encode()) == OBJECTS


@pytest.mark.parametrize("data", [b"[]", b" [ ] ", b"\xef\xbb\xbf[]", b"", b"  \n"])
def test_nothing_in_it(data: bytes) -> None:
    assert stream(data) == []


def test_byte_order_mark_before_the_array() -> None:
    assert stream(b"\xef\xbb\xbf" + json.dumps(OBJECTS).encode()) == OBJECTS


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_named(encoding: str) -> None:
    marks = {"utf-16": "", "utf-16-le": "\ufeff", "utf-16-be": "\ufeff"}
    values, error = until_break(
        stream_objects(io.BytesIO((marks[encoding] + "[1]").encode(encoding)), "m", LIMITS, ("item",))
    )
    assert values == []
    assert "UTF-16" in error.reason


def test_values_that_are_no_objects_come_as_they_are() -> None:
    assert stream(b'[1, "x{[", null, true, [2, [3]], {"a": 1}, -1.5e3]') == [
        1,
        "x{[",
        None,
        True,
        [2, [3]],
        {"a": 1},
        -1500.0,
    ]


def test_lists_inside_an_object() -> None:
    data = json.dumps(
        {"v": 1, "s": "]}", "users": [{"conversations": [7]}], "conversations": OBJECTS, "z": {}}
    )
    assert stream(data.encode(), "conversations.item") == OBJECTS
    assert stream(data.encode(), *EVERYWHERE) == OBJECTS
    deep = json.dumps({"a": {"x": [1], "b": OBJECTS}, "b": [5]}).encode()
    assert stream(deep, "a.b.item") == OBJECTS
    assert stream(deep, "a.b.item", "b.item") == [*OBJECTS, 5]
    assert stream(b'{"conversations": {"not": "a list"}}', "conversations.item") == []


def test_lines_and_single_objects() -> None:
    lines = "\n".join(json.dumps(each) for each in OBJECTS).encode()
    assert stream(lines, *EVERYWHERE) == OBJECTS
    assert stream(lines.replace(b"\n", b"\r\n\r\n") + b"\n", "") == OBJECTS
    assert stream(json.dumps(OBJECTS[0], indent=2).encode(), *EVERYWHERE) == OBJECTS[:1]
    assert stream("\n".join(json.dumps(each, indent=2) for each in OBJECTS).encode(), "") == OBJECTS
    assert stream(b"".join(json.dumps(each).encode() for each in OBJECTS), "") == OBJECTS


def test_a_bad_line_is_rejected_and_the_next_one_read() -> None:
    values = stream(b'{"a": 1}\n{"a": "\n{"a": 3}\n{"a": 4', "")
    assert [values[0], values[2]] == [{"a": 1}, {"a": 3}]
    assert [(each.id, "at byte" in each.reason) for each in (values[1], values[3])] == [
        ("m.json#2", True),
        ("m.json#4", True),
    ]


def test_a_line_over_the_cap_is_rejected_and_the_next_one_read() -> None:
    big = b'{"a": "' + b"x" * 600_000 + b'"}'
    values = stream(
        b'{"a": 1}\n' + big + b'\n{"a": 3}\n' + big, "", limits=ReadLimits(conversation_bytes=5000)
    )
    assert [type(each) for each in values] == [dict, Rejected, dict, Rejected]
    assert values[2] == {"a": 3}


def test_one_that_is_not_valid_json_is_rejected_and_the_file_goes_on() -> None:
    values = stream(b'[{"a": 1, "b": 2}, {"a": 1 "b": 2}, {"a": 3, "b": 2}, {"a": oops}, {"a": 5, "b": 2}]')
    assert [values[0]["a"], values[2]["a"], values[4]["a"]] == [1, 3, 5]
    assert values[1] == Rejected("m.json#2", "not valid JSON (Expecting ',' delimiter) at byte 27")
    assert isinstance(values[3], Rejected)
    assert "oops" not in values[3].reason


@pytest.mark.parametrize(
    ("written", "value"),
    [
        (rb'"\ud800"', "\ud800"),
        (rb'"a\u0000b"', "a\x00b"),
        (b'"\xed\xa0\xbc\xed\xbe\x89"', "\ud83c\udf89"),
        (b'"\xff\xfe"', "\ufffd\ufffd"),
        (b'"a\x00\x01b"', "a\x00\x01b"),
        (b"NaN", None),
        (b"-Infinity", None),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
    ],
)
def test_what_real_exports_hold_beyond_the_standard(written: bytes, value: object) -> None:
    values = stream(b'[{"k": 1, "v": 0}, {"k": 2, "v": ' + written + b'}, {"k": 3, "v": 0}]')
    assert [each["k"] for each in values] == [1, 2, 3]
    assert values[1]["v"] == (pytest.approx(value) if isinstance(value, int) else value)


def test_numbers_without_end_are_rejected() -> None:
    values = stream(b'[{"k": 1}, {"k": ' + b"9" * 100_000 + b'x}, {"k": 3}]')
    assert [type(each) for each in values] == [dict, Rejected, dict]


def test_deep_nesting_is_rejected_and_the_file_goes_on() -> None:
    deep = b'{"a": ' * 100_000 + b"1" + b"}" * 100_000
    values = stream(b'[{"k": 1},' + deep + b',{"k": 3}]')
    assert [values[0], values[2]] == [{"k": 1}, {"k": 3}]
    assert values[1] == Rejected("m.json#2", "nested too deeply at byte 10")


def test_a_conversation_over_the_cap_is_rejected_and_the_file_goes_on() -> None:
    big = {"title": "big", "create_time": 1, "text": '}{[\\"' * 5000}
    for position in range(3):
        objects: list[Any] = OBJECTS[:2]
        objects.insert(position, big)
        values = stream(json.dumps(objects).encode(), limits=ReadLimits(conversation_bytes=4000))
        rejected = values.pop(position)
        assert rejected.id == f"m.json#{position + 1}"
        assert "larger than 4000 bytes" in rejected.reason
        assert values == OBJECTS[:2]


def test_a_huge_string_is_stepped_over_in_constant_memory() -> None:
    block = b'x\\"[{' * 20_000
    source = Endless((b'[{"a": 1}, {"a": "', 1), (block, 1000), (b'"}, {"a": 3}]', 1))
    limits = ReadLimits(conversation_bytes=1024 * 1024)
    tracemalloc.start()
    values = list(stream_objects(source, "m", limits, ("item",)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [values[0], values[1], values[3]] == [{"a": 1}, LARGE_AHEAD, {"a": 3}]
    assert isinstance(values[2], Rejected)
    assert peak < 8 * 1024 * 1024


def test_guesses_that_fail_cost_nothing_but_time() -> None:
    # Keys in another order, beginnings that also stand inside, and values that are no objects.
    mixed: list[Any] = []
    for i in range(200):
        mixed += [
            {"title": "a", "n": i},
            {"n": i, "title": "a"},
            {"title": "a", "n": [{"title": "a", "n": 1}] * 2},
        ]
        mixed += [i, [{"title": "a", "n": 2}], {}, {"title": {"title": "a", "n": 3}}]
    assert stream(json.dumps(mixed).encode()) == mixed


def test_values_larger_than_a_guess_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_reader, "GUESS_BYTES", 3000)
    monkeypatch.setattr(json_reader, "WINDOW", 500)
    monkeypatch.setattr(json_reader, "LOOK_AHEAD", 100)
    sizes = [10, 5000, 10, 2500, 9000, 9000, 10, 10, 7000, 10]
    objects = [{"title": f"{i}", "n": i, "x": "y" * size} for i, size in enumerate(sizes)]
    assert stream(json.dumps(objects).encode()) == objects


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(alphabet='a"\\{}[],: \u00e9\n', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", '"', "}"]), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.lists(VALUES, max_size=8), st.integers(1, 40), st.sampled_from([None, 0, 2]), st.booleans())
def test_gives_what_json_gives(values: list[Any], most: int, indent: int | None, escaped: bool) -> None:
    data = json.dumps(values, indent=indent, ensure_ascii=escaped).encode()
    assert list(stream_objects(Dribble(data, most), "m", LIMITS, ("item",))) == values
    inner = json.dumps({"x": values, "conversations": values}, indent=indent, ensure_ascii=escaped).encode()
    assert list(stream_objects(Dribble(inner, most), "m", LIMITS, ("conversations.item",))) == values


def test_read_conversations_rejects_whatever_parse_raises() -> None:
    def parse(raw: object, place: str) -> Conversation:
        assert isinstance(raw, dict)
        return Conversation(raw["id"], place, [])

    parsed = list(
        read_conversations(io.BytesIO(b'[{"id": "a"}, 5, {}, {"id": 1 2}]'), "m", LIMITS, ("item",), parse)
    )
    assert parsed[0] == Conversation("a", "m#1", [])
    assert [each.id for each in parsed] == ["a", "m#2", "m#3", "m#4"]
    assert [type(each) for each in parsed[1:]] == [Rejected] * 3


@pytest.mark.parametrize(
    ("before", "unit"),
    [
        ("[", b'{"k%d":1},{"k%d":1},'),  # a guess that holds once and never again
        ("", b'{"a":1}'),  # values on one line that has no end
        ("", b'{"a":1,"b":[{}]}'),
        ('{"', b'\\"'),  # a text without an end, a quote in it everywhere
        ('{"conversations":"', b'\\"'),
    ],
)
def test_a_file_takes_as_long_as_it_is(before: str, unit: bytes) -> None:
    def reading(size: int) -> Any:
        numbered = (unit.replace(b"%d", b"%d" % number) for number in range(size // len(unit)))
        data = before.encode() + b"".join(numbered)
        return lambda: list(_as_far_as_it_goes(data))

    assert growth(reading, 60_000, floor=0.01) < MOST_GROWTH


def _as_far_as_it_goes(data: bytes) -> Iterator[Any]:
    with suppress(BrokenExportError):
        yield from stream_objects(io.BytesIO(data), "m.json", LIMITS, EVERYWHERE)
