from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from shared.exports.conversation import Conversation, Rejected
from shared.exports.formats.librechat import LibreChat, parse
from tests.support.formats import (
    anything,
    assert_deterministic,
    assert_sound,
    conversations,
    detected,
    read,
    said,
)

ROOT = "00000000-0000-0000-0000-000000000000"


def message(
    mid: str, user: bool, text: str, parent: str = ROOT, minute: int = 0, **more: Any
) -> dict[str, Any]:
    about = {
        "messageId": mid,
        "parentMessageId": parent,
        "isCreatedByUser": user,
        "text": text,
        "error": False,
    }
    return {
        **about,
        "sender": "User" if user else "GPT-4",
        "createdAt": f"2024-05-28T18:{minute:02}:00.000Z",
        **more,
    }


def conversation(key: str, messages: object, **more: Any) -> dict[str, Any]:
    about = {
        "conversationId": "l1",
        "endpoint": "openAI",
        "title": "Stories",
        "exportAt": "08:12:16 GMT-0400",
    }
    return {**about, "branches": True, "recursive": False, "options": {"model": "m"}, key: messages, **more}


BRANCHED = [
    message("a", True, "GHOST story", minute=1),
    message("b", False, "Once", "a", 2),
    message("c", True, "My story", minute=6),
    message("d", False, "GHOST twice", "c", 7),
    message("e", False, "Thrice", "c", 8),
]


def test_branches() -> None:
    (found,) = conversations(LibreChat(), conversation("messages", BRANCHED))
    assert said(found) == [("user", "My story"), ("assistant", "Thrice")]
    assert (found.id, found.title, found.created_at, found.updated_at) == (
        "l1",
        "Stories",
        1716919560.0,
        1716919680.0,
    )


def test_linear_is_as_it_was_seen() -> None:
    listed = [message("a", True, "one", "gone", 9), message("b", False, "two", "gone", 3)]
    assert said(parse(conversation("messages", listed, branches=False))) == [
        ("user", "one"),
        ("assistant", "two"),
    ]
    bare = [{"sender": "User", "text": "one"}, {"sender": "GPT", "text": "two"}]
    assert said(parse({"conversationId": "x", "messages": bare})) == [("user", "one"), ("assistant", "two")]


@pytest.mark.parametrize("key", ["messagesTree", "messages"])
def test_recursive(key: str) -> None:
    tree = [
        message("a", True, "GHOST", minute=1, children=[message("b", False, "ghost", "wrong", 2)]),
        message("c", True, "real", minute=3, children=[
            message("d", False, "GHOST", minute=9),
            message("e", False, "yes", minute=5, children=[message("f", True, "more", minute=10)]),
        ]),
    ]  # fmt: skip
    found = parse(conversation(key, tree, recursive=True))
    assert said(found) == [("user", "real"), ("assistant", "yes"), ("user", "more")]


def test_deep_nesting_is_walked() -> None:
    tree: list[dict[str, Any]] = []
    for i in range(20_000):
        tree = [message(f"m{i}", i % 2 == 0, "x", children=tree)]
    found = parse(conversation("messagesTree", tree))
    assert len(said(found)) == 20_000
    assert parse(conversation("messagesTree", tree), max_messages=10) == Rejected(
        "l1", "it has 11 messages; the cap is 10"
    )


def test_text_in_parts_and_what_is_no_speech() -> None:
    parts = [
        {"type": "think", "think": "HIDDEN"},
        {"type": "text", "text": "Seen"},
        {"type": "tool_call", "tool_call": {"output": "HIDDEN"}},
        {"type": "text", "text": {"value": "too"}},
    ]
    listed = [
        message("a", True, "hi"),
        message("b", False, "", "a", content=parts),
        message("c", False, "HIDDEN notice", "b", error=True),
        message("d", False, ":::thinking\nHIDDEN\n:::\nDone", "c"),
        message("e", False, "HIDDEN", "d", sender="System"),
    ]
    texts = [text for _, text in said(parse(conversation("messages", listed)))]
    assert texts == ["hi", "Seen\n\ntoo", "\nDone"]


def test_cycle_and_dangling_parent() -> None:
    cycle = [message("a", True, "one", "b"), message("b", False, "two", "a")]
    assert said(parse(conversation("messages", cycle))) == [("user", "one"), ("assistant", "two")]
    dangling = [
        message("a", True, "lost"),
        message("b", True, "one", "gone"),
        message("c", False, "two", "b"),
    ]
    assert said(parse(conversation("messages", dangling))) == [("user", "one"), ("assistant", "two")]


@pytest.mark.parametrize("time", ["9999-12-31T00:00:00Z", "0001-01-01T00:00:00Z", -1, "x", None])
def test_implausible_times_are_none(time: object) -> None:
    found = parse(conversation("messages", [message("a", True, "hi", createdAt=time)]))
    assert isinstance(found, Conversation)
    assert (found.created_at, found.turns[0].created_at) == (None, None)


def test_surrogates_nul_and_missing_ids() -> None:
    data = b'{"conversationId":"","messages":[{"isCreatedByUser":true,"text":"x\\ud800\\u0000"}]}'
    (found,) = conversations(LibreChat(), data)
    assert said(found) == [("user", "x\ufffd")]
    assert_sound(found)
    assert_deterministic(lambda: parse({"messages": [{"isCreatedByUser": True, "text": "hi"}] * 2}))


def test_lists_and_lines_of_conversations() -> None:
    one = conversation("messages", BRANCHED)
    other = {**one, "conversationId": "l2"}
    assert [found.id for found in conversations(LibreChat(), [one, other])] == ["l1", "l2"]
    lines = f"{json.dumps(one)}\n{json.dumps(other)}\n".encode()
    assert [found.id for found in conversations(LibreChat(), lines)] == ["l1", "l2"]


def test_bad_conversations_are_rejected_and_the_file_goes_on() -> None:
    parsed = read(
        LibreChat(), [None, conversation("messages", BRANCHED), {"conversationId": "no", "messages": {}}]
    )
    assert [(type(item), item.id) for item in parsed] == [
        (Rejected, "member#1"),
        (Conversation, "l1"),
        (Rejected, "no"),
    ]


def test_empty_and_detection() -> None:
    assert conversations(LibreChat(), conversation("messages", []))[0].turns == []
    for raw in (
        conversation("messages", BRANCHED),
        conversation("messages", []),
        [conversation("messagesTree", BRANCHED)],
    ):
        assert isinstance(detected(raw), LibreChat)
    for other in (
        {"conversationId": "x", "messages": []},
        {"messages": BRANCHED},
        {"conversationId": "x", "messages": [{"role": "user"}]},
    ):
        assert detected(other) is None


@settings(max_examples=150)
@given(
    anything(
        "conversationId",
        "messages",
        "messagesTree",
        "children",
        "messageId",
        "parentMessageId",
        "text",
        "sender",
        "isCreatedByUser",
        "content",
        "type",
    )
)
def test_parse_never_raises(raw: object) -> None:
    assert_sound(parse(raw))
    assert_sound(parse({"messages": raw}))
    assert_sound(
        parse({"messages": [raw, {"isCreatedByUser": True, "text": raw, "content": raw, "children": raw}]})
    )
