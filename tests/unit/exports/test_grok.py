from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from shared.exports.conversation import Conversation, Rejected
from shared.exports.formats.grok import Grok, parse
from shared.exports.lost import NO_PARENT
from tests.support.formats import (
    anything,
    assert_deterministic,
    assert_sound,
    conversations,
    detected,
    read,
    said,
)


def mongo(milliseconds: object) -> dict[str, Any]:
    return {"$date": {"$numberLong": milliseconds}}


def response(_id: str, sender: str, text: str, second: int = 0, parent: str | None = None) -> dict[str, Any]:
    made = {
        "_id": _id,
        "sender": sender,
        "message": text,
        "create_time": mongo(str(1735689600000 + second * 1000)),
    }
    return {"response": {**made, **({"parent_response_id": parent} if parent else {})}, "share_link": None}


def conversation(*responses: object, **more: Any) -> dict[str, Any]:
    about = {
        "id": "g1",
        "title": "Chess",
        "create_time": "2025-01-01T00:00:00Z",
        "modify_time": "2025-01-02T00:00:00Z",
    }
    return {"conversation": {**about, **more}, "responses": list(responses)}


def export(*items: object) -> dict[str, Any]:
    return {"conversations": list(items), "projects": [], "tasks": [], "media_posts": [{"id": "p"}]}


def test_the_wrapped_export() -> None:
    raw = conversation(
        response("a", "human", "I play chess"),
        response("b", "ASSISTANT", "Nice", 1, "a"),
        response("c", "human", "Daily", 2, "b"),
    )
    (found,) = conversations(Grok(), export(raw))
    assert said(found) == [("user", "I play chess"), ("assistant", "Nice"), ("user", "Daily")]
    assert (found.id, found.title, found.created_at, found.updated_at) == (
        "g1",
        "Chess",
        1735689600.0,
        1735776000.0,
    )
    assert [turn.created_at for turn in found.turns] == [1735689600.0, 1735689601.0, 1735689602.0]


def test_the_unwrapped_export_is_the_same() -> None:
    wrapped = conversation(response("a", "human", "hi"), response("b", "grok-3", "hello", 1, "a"))
    bare = {**wrapped["conversation"], "responses": [item["response"] for item in wrapped["responses"]]}
    assert parse(bare) == parse(wrapped)
    assert conversations(Grok(), [bare]) == conversations(Grok(), export(wrapped))
    assert said(parse(bare)) == [("user", "hi"), ("assistant", "hello")]


def test_abandoned_branches_are_ghosts() -> None:
    raw = conversation(
        response("first", "human", "GHOST", 0),
        response("x", "ASSISTANT", "ghost", 9, "first"),
        response("edited", "human", "real", 10),
        response("y", "assistant", "GHOST again", 11, "edited"),
        response("z", "assistant", "real answer", 12, "edited"),
        leaf_response_id="absent",
    )
    assert said(parse(raw)) == [("user", "real"), ("assistant", "real answer")]
    raw["conversation"]["leaf_response_id"] = "y"
    assert said(parse(raw)) == [("user", "real"), ("assistant", "GHOST again")]


def test_no_parents_is_file_order() -> None:
    raw = conversation(response("a", "human", "one", 5), response("b", "assistant", "two", 1))
    assert said(parse(raw)) == [("user", "one"), ("assistant", "two")]


def test_cycle_and_dangling_parent() -> None:
    cycle = conversation(response("a", "human", "one", 0, "b"), response("b", "assistant", "two", 1, "a"))
    assert said(parse(cycle)) == [("user", "one"), ("assistant", "two")]
    dangling = conversation(
        response("a", "human", "one", 0, "gone"), response("b", "assistant", "two", 1, "a")
    )
    assert said(parse(dangling)) == [("user", "one"), ("assistant", "two")]


def test_cards_tools_and_system_are_no_speech() -> None:
    card = 'Yes<grok:render card_id="1" type="x"><argument name="id">7</argument></grok:render>.'
    tool = "<xai:tool_usage_card>search HIDDEN</xai:tool_usage_card>Found it"
    raw = conversation(
        response("a", "system", "HIDDEN"),
        response("b", "human", "keep <grok:render> as I wrote it"),
        response("c", "assistant", card),
        response("d", "assistant", tool),
        response("e", "assistant", "Cut <xai:tool_usage_card>HIDDEN"),
    )
    texts = [text for _, text in said(parse(raw))]
    assert texts == ["keep <grok:render> as I wrote it", "Yes.", "Found it", "Cut "]


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        (mongo("1735689600000"), 1735689600.0),
        (mongo(1735689600000), 1735689600.0),
        ({"$date": "2025-01-01T00:00:00Z"}, 1735689600.0),
        ("2025-01-01T00:00:00Z", 1735689600.0),
        (mongo("-62135596800000"), None),
        (mongo("253402300799000"), None),
        (mongo("9" * 5000), None),
        (mongo({"a": []}), None),
        ({}, None),
        (None, None),
    ],
)
def test_times(time: object, seconds: float | None) -> None:
    raw = conversation(response("a", "human", "hi"), create_time=time, modify_time=time)
    raw["responses"][0]["response"]["create_time"] = time
    found = parse(raw)
    assert isinstance(found, Conversation)
    assert (found.turns[0].created_at, found.created_at, found.updated_at) == (seconds, seconds, seconds)


def test_surrogates_nul_blank_and_missing_ids() -> None:
    data = (
        b'{"conversations":[{"conversation":{"title":"t\\u0000"},"responses":[{"response":{"sender":"human",'
        b'"message":"a\\ud83d"}},{"response":{"sender":"human","message":" "}}]}]}'
    )
    (found,) = conversations(Grok(), data)
    assert said(found) == [("user", "a\ufffd")]
    assert_sound(found)
    assert_deterministic(lambda: parse(conversation(response("", "human", "hi"), id=None)))


def test_bad_conversations_are_rejected_and_the_file_goes_on() -> None:
    parsed = read(
        Grok(), export(None, conversation(response("a", "human", "hi")), {"conversation": {"id": "x"}})
    )
    assert [(type(item), item.id) for item in parsed] == [
        (Rejected, "member#1"),
        (Conversation, "g1"),
        (Rejected, "x"),
    ]
    assert parse(conversation(*[response("a", "human", "hi")] * 3), max_messages=2) == Rejected(
        "g1", "it has 3 messages; the cap is 2"
    )


def test_empty() -> None:
    assert read(Grok(), export()) == []
    assert conversations(Grok(), export(conversation()))[0].turns == []


def test_detection() -> None:
    raw = conversation(response("a", "human", "hi"))
    assert isinstance(detected(export(raw)), Grok)
    assert isinstance(detected([raw]), Grok)
    assert isinstance(detected(export()), Grok)
    assert isinstance(detected([{"id": "x", "responses": [{"sender": "human", "message": "hi"}]}]), Grok)
    for other in (
        {"conversations": []},
        {"conversations": [{"responses": ["a survey"]}]},
        [{"responses": []}],
        {"projects": []},
    ):
        assert detected(other) is None


@settings(max_examples=150)
@given(
    anything(
        "conversation",
        "responses",
        "response",
        "sender",
        "message",
        "_id",
        "id",
        "create_time",
        "$date",
        "$numberLong",
        "parent_response_id",
    )
)
def test_parse_never_raises(raw: object) -> None:
    assert_sound(parse(raw))
    assert_sound(parse({"conversation": raw, "responses": [raw, {"response": raw}]}))
    assert_sound(parse({"responses": [{"sender": "human", "message": raw, "create_time": raw, "_id": raw}]}))


def test_the_id_may_stand_in_response_id() -> None:
    responses = [response(f"r{n}", "human", f"line {n}", n, f"r{n - 1}" if n else None) for n in range(6)]
    for item in responses:
        item["response"]["response_id"] = item["response"].pop("_id")
    found = parse(conversation(*responses))
    assert [text for _, text in said(found)] == [f"line {n}" for n in range(6)]


def test_an_id_in_a_field_that_is_not_known_is_told() -> None:
    responses = [response(f"r{n}", "human", f"line {n}", n, f"r{n - 1}" if n else None) for n in range(6)]
    for item in responses:
        item["response"]["message_key"] = item["response"].pop("_id")
    found = parse(conversation(*responses))
    assert isinstance(found, Conversation)
    assert found.lost == (NO_PARENT,) * 5


def test_a_known_leaf_does_not_cut_off_what_no_message_is_linked_to() -> None:
    raw = conversation(*[response(f"r{n}", "human", f"line {n}", n) for n in range(6)], leaf_response_id="r5")
    assert [text for _, text in said(parse(raw))] == [f"line {n}" for n in range(6)]
