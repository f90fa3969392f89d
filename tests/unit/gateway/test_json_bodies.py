"""What a JSON body must be, whatever it says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.json_bodies import MOST_LEVELS, why_not_taken


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": 1.5e10, "b": -0.0, "c": "NaN", "d": "\\ud83d\\ude00", "e": "' + b"[" * 9999 + b'"}',
        b"[" * MOST_LEVELS + b"]" * MOST_LEVELS,
        b"[" + b"[1]," * 5000 + b"1]",
        b'{"a": "\\"[[[", "b": [' + b"{}," * 100 + b"{}]}",
        b'{"user_id": ',
        b"no JSON",
        b'{"a": 1} {"b": 2}',
        '{"ключ": "значение"}'.encode(),
    ],
)
def test_what_a_framework_can_read_or_refuse_is_taken(body: bytes) -> None:
    assert why_not_taken(body) == ""


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"a": "\xff"}', "not UTF-8"),
        (b'{"a": "\xed\xa0\x80"}', "not UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        ('{"a": 1}'.encode("utf-16-le"), "NUL"),
        ('{"a": 1}'.encode("utf-32-be"), "NUL"),
        (b"[" * 10_000 + b"]" * 10_000, "levels"),
        (b"[" * 10_000, "levels"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "levels"),
        (b'{"a": NaN}', "NaN or Infinity"),
        (b"[Infinity, -Infinity]", "NaN or Infinity"),
        (b'{"a": 1e400}', "out of range"),
        (b'{"a": -1e400}', "out of range"),
        (b'{"a": ' + b"9" * 5000 + b"}", "out of range"),
        (b'{"a": "\\ud800"}', "half a character"),
        (b'{"\\uDFFF": 1}', "half a character"),
    ],
)
def test_what_it_cannot_is_not(body: bytes, why: str) -> None:
    assert why in why_not_taken(body)


@pytest.mark.parametrize("body", [b'{"a": 1, "a": 1}', b'{"b": [{"a": 1, "\\u0061": 2}]}'])
def test_a_field_is_named_once_where_that_is_asked(body: bytes) -> None:
    assert why_not_taken(body) == ""
    assert why_not_taken(body, once=True) == "the body names a field twice"


@given(
    st.binary(max_size=200)
    | st.text(alphabet='[]{}",:\\1aNe\ud800', max_size=300).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    )
)
def test_nothing_breaks_it_and_what_it_takes_can_be_written_again(body: bytes) -> None:
    if why_not_taken(body, once=True):
        return
    try:
        value = json.loads(body)
    except ValueError:
        return
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
