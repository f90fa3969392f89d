"""A record is shown without a person's words, whatever it holds."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.log.kafka.cloudevents import encode
from soulprint.dead.viewing import (
    MOST_ITEMS,
    headers_without_text,
    key_without_text,
    value_without_text,
)
from tests.support.hostile import paths_of, templates, value_at

IDS = {"import_id": UUID(int=1), "user_id": UUID(int=2)}
MARK = "☃"
"""Stands in every text of a person, so that a single letter of it is found."""
texts = st.text(max_size=30).map(lambda text: MARK + text)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts | st.just("quote"), inner, max_size=4),
    max_leaves=12,
)


def shown(body: Any) -> str:
    return json.dumps(value_without_text(json.dumps(body).encode()), ensure_ascii=False)


@pytest.mark.parametrize("event", templates(**IDS), ids=lambda event: type(event).__name__)
def test_no_text_of_an_event_survives_but_ids(event: Any) -> None:
    body = json.loads(event.model_dump_json())
    view = value_without_text(event.model_dump_json().encode())
    assert view["import_id"] == str(IDS["import_id"])
    assert view["run"] == 1
    for path in paths_of(body):
        before = value_at(body, path)
        if not isinstance(before, str):
            continue
        *outer, last = path
        at = value_at(body, outer)
        at[last] = MARK + before  # whatever belongs there, it is somebody's word now
        assert MARK not in shown(body), path
        at[last] = before


@given(anything)
def test_no_text_of_whatever_json_there_is_survives(body: Any) -> None:
    assert MARK not in shown(body)


@given(st.none() | st.binary(max_size=60))
def test_what_is_no_json_is_told_by_its_size(value: bytes | None) -> None:
    found = value_without_text(None if value is None else MARK.encode() + value)
    assert MARK not in str(found)
    assert key_without_text(value) == "none" if value is None else True


@given(st.lists(st.tuples(texts, st.none() | texts.map(str.encode)), max_size=5))
def test_headers_of_others_are_told_by_their_size(headers: list[tuple[str, bytes | None]]) -> None:
    assert MARK not in str(headers_without_text(headers))


def test_headers_of_ours_are_shown_where_they_have_their_form() -> None:
    event = templates(**IDS)[0]
    _, headers = encode(event, source="test", pipeline="v2")
    found = headers_without_text(headers)
    assert [name for name, _ in found] == [name for name, _ in headers]
    assert not [value for _, value in found if value.startswith("<")], found
    assert headers_without_text([("ce_type", b"I live in Porto")]) == [("ce_type", "<15 bytes>")]
    assert headers_without_text([("dlq_error", b"a\x1b[2Jb\nc")]) == [("dlq_error", "a\ufffd[2Jb c")]


def test_what_is_huge_or_deep_is_cut() -> None:
    assert len(value_without_text(json.dumps(list(range(10_000))).encode())) == MOST_ITEMS + 1
    assert len(value_without_text(json.dumps({str(n): n for n in range(10_000)}).encode())) == MOST_ITEMS + 1
    assert len(shown(json.loads("[" * 200 + "]" * 200))) < 200
    assert "not JSON" in value_without_text(b"[" * 100_000)
