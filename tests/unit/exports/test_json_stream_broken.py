"""JSON that is cut, damaged or none: what comes before is given, and only breaks are raised."""

from __future__ import annotations

import io
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.errors import BrokenExportError
from shared.exports.json.stream import stream_objects
from tests.unit.exports.test_json_stream import (
    EVERYWHERE,
    LIMITS,
    OBJECTS,
    Dribble,
    Failing,
    stream,
    until_break,
)


@pytest.mark.parametrize("junk", [b'{"a": "', b'{"a"', b'{"a": [1, {"b": "\\', b"12", b'"x', b""])
def test_a_file_that_ends_too_early_gives_what_came_before(junk: bytes) -> None:
    data = json.dumps(OBJECTS).encode()[:-1] + b", " + junk
    values, error = until_break(stream_objects(io.BytesIO(data), "m.json", LIMITS, ("item",)))
    assert values[: len(OBJECTS)] == OBJECTS
    assert error.member == "m.json"
    assert error.place.startswith("byte ")
    assert "after conversation" in error.place
    assert "ends" in error.reason


def test_truncated_anywhere_nothing_before_is_lost() -> None:
    data = json.dumps(OBJECTS).encode()
    for cut in range(1, len(data)):
        values, error = until_break(stream_objects(Dribble(data[:cut], 50), "m", LIMITS, ("item",)))
        assert values == OBJECTS[: len(values)]
        assert len(values) >= data[:cut].count(b'}]}}, {"title": "T')
        assert f"after conversation {len(values)}" in error.place


@pytest.mark.parametrize("data", [b'[{"a": 1} {"a": 2}]', b'[{"a": 1}: 2]', b'[{"a": 1}, }', b'[{"a": 1}}'])
def test_structure_that_makes_no_sense_breaks(data: bytes) -> None:
    values, error = until_break(stream_objects(io.BytesIO(data), "m", LIMITS, ("item",)))
    assert values == [{"a": 1}]
    assert error.place.endswith("after conversation 1")


@pytest.mark.parametrize(
    "data", [b"[1]x]", b'{"conversations": [1], 5}', b'{"conversations": [1]', b'{"a" 1}', b'{"a"', b'{"a":']
)
def test_broken_outside_the_conversations(data: bytes) -> None:
    values, _ = until_break(stream_objects(io.BytesIO(data), "m", LIMITS, ("item", "conversations.item")))
    assert values in ([1], [])


def test_a_stream_that_breaks_gives_all_it_held_and_its_reason() -> None:
    data = json.dumps(OBJECTS).encode()
    for cut, whole in ((len(data) - 1, 9), (len(data) - 20, 8)):
        values, error = until_break(stream_objects(Failing(data[:cut]), "m.json", LIMITS, ("item",)))
        assert values == OBJECTS[:whole]
        assert error.reason == "the compressed data ends too early"
        assert error.place.endswith(f"after conversation {whole}")
    lines = b"".join(json.dumps(each).encode() + b"\n" for each in OBJECTS)
    values, error = until_break(stream_objects(Failing(lines), "m.json", LIMITS, ("",)))
    assert values == OBJECTS


@given(
    st.binary(max_size=60) | st.text(alphabet='[]{}",:\\ \n1a', max_size=60).map(str.encode),
    st.integers(1, 20),
)
def test_whatever_comes_only_breaks_are_raised(data: bytes, most: int) -> None:
    places = []
    for prefixes in (("item",), ("a.item", ""), EVERYWHERE):
        try:
            for _ in stream_objects(Dribble(data, most), "m", LIMITS, prefixes):
                pass
        except BrokenExportError as error:
            places.append(error.place)
    assert all(place.startswith("byte ") for place in places)


def test_random_damage_never_raises_anything_else() -> None:
    dice = random.Random(7)
    data = json.dumps(OBJECTS).encode()
    for _ in range(500):
        at = dice.randrange(len(data))
        damaged = (
            data[:at]
            + bytes(dice.choices(b'"{}[],:\\x\x00', k=dice.randrange(3)))
            + data[at + dice.randrange(3) :]
        )
        try:
            values = stream(damaged)
        except BrokenExportError:
            continue
        assert len(values) <= 2 * len(OBJECTS) * 3
