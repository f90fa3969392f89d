from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from shared.exports.conversation import Conversation, Rejected
from shared.exports.formats.deepseek import DeepSeek, parse
from tests.support.formats import anything, assert_sound, conversations, detected, said
from tests.support.samples import deepseek, iso

LINES = ["I fish in the Ardennes", "What for?", "Trout, mostly", "Good luck"]
SAID = [("user", LINES[0]), ("assistant", LINES[1]), ("user", LINES[2]), ("assistant", LINES[3])]


def fragments(*pairs: tuple[str, object]) -> dict[str, Any]:
    return {"fragments": [{"type": kind, "content": content} for kind, content in pairs]}


def tree(*nodes: tuple[str, str, dict[str, Any]]) -> dict[str, Any]:
    """A conversation of (id, parent, message); each a minute after the one before."""
    mapping: dict[str, Any] = {"root": {"id": "root", "parent": None, "message": None}}
    for number, (at, parent, message) in enumerate(nodes):
        mapping[at] = {"id": at, "parent": parent, "message": {"inserted_at": iso(number), **message}}
    return {"id": "d", "title": "t", "inserted_at": iso(0), "mapping": mapping}


def site(**more: Any) -> dict[str, Any]:
    """What the site sends; ids are numbers, times Unix seconds."""
    messages = [
        {
            "message_id": number,
            "parent_id": number - 1 if number > 1 else None,
            "role": "USER" if number % 2 else "ASSISTANT",
            "content": text,
            "thinking_content": None if number % 2 else "HIDDEN words",
            "inserted_at": 1740000000.5 + number,
        }
        for number, text in enumerate(LINES, 1)
    ]
    session = {"id": "s", "title": "Fish", "inserted_at": 1740000000.25, "current_message_id": 4, **more}
    return {
        "code": 0,
        "data": {"biz_code": 0, "biz_data": {"chat_session": session, "chat_messages": messages}},
    }


def test_the_export_of_an_account() -> None:
    (found,) = conversations(DeepSeek(), deepseek(LINES))
    assert said(found) == SAID
    assert (found.id, found.title, found.created_at) == ("c", "t", 1740000000.0)
    assert found.turns[0].created_at == 1740000060.0


def test_it_is_not_taken_for_chatgpt() -> None:
    sample = deepseek(LINES)
    assert isinstance(detected(sample), DeepSeek)
    del sample[0]["inserted_at"]
    assert isinstance(detected(sample), DeepSeek)
    assert isinstance(detected({"conversations": sample}), DeepSeek)


def test_thoughts_searches_and_tools_are_no_speech() -> None:
    answer = fragments(("THINK", "HIDDEN"), ("SEARCH", None), ("TOOL_SEARCH", "HIDDEN"), ("RESPONSE", "Yes"))
    answer["fragments"].append({"type": "TEMPLATE_RESPONSE", "content": "sir"})
    found = parse(tree(("1", "root", fragments(("REQUEST", "Really?"))), ("2", "1", answer)))
    assert said(found) == [("user", "Really?"), ("assistant", "Yes\n\nsir")]
    only = parse(
        tree(("1", "root", fragments(("THINK", "hidden words"), ("TOOL_OPEN", "more hidden words"))))
    )
    assert isinstance(only, Conversation)
    assert (only.turns, only.lost) == ([], ())


def test_of_two_branches_the_later_is_visible() -> None:
    found = parse(
        tree(
            ("1", "root", fragments(("REQUEST", "GHOST"))),
            ("2", "1", fragments(("RESPONSE", "GHOST"))),
            ("3", "root", fragments(("REQUEST", "edited"))),
            ("4", "3", fragments(("RESPONSE", "answer"))),
        )
    )
    assert said(found) == [("user", "edited"), ("assistant", "answer")]
    assert isinstance(found, Conversation)
    assert found.lost == ()


def test_parents_may_be_known_by_children_alone() -> None:
    (raw,) = deepseek(LINES)
    for node in raw["mapping"].values():
        node.pop("parent", None)
    assert said(parse(raw)) == SAID


def test_older_exports_hold_texts_and_name_no_author() -> None:
    nodes = [
        (str(number), str(number - 1) if number > 1 else "root", {"content": text, "reasoning_content": None})
        for number, text in enumerate(LINES, 1)
    ]
    assert said(parse(tree(*nodes))) == SAID


def test_what_the_site_sends() -> None:
    raw = site()
    for data in (raw, [raw], raw["data"]["biz_data"]):
        assert isinstance(detected(data), DeepSeek)
        (found,) = conversations(DeepSeek(), data)
        assert said(found) == SAID
        assert (found.id, found.title) == ("s", "Fish")


def test_the_visible_leaf_of_the_site_is_obeyed() -> None:
    raw = site(current_message_id=2)
    assert said(parse(raw)) == SAID[:2]


def test_a_shared_conversation() -> None:
    messages = [
        {"message_id": 1, "role": "USER", **fragments(("REQUEST", LINES[0]))},
        {"message_id": 2, "role": "ASSISTANT", **fragments(("THINK", "HIDDEN"), ("RESPONSE", LINES[1]))},
    ]
    data = {"code": 0, "data": {"biz_data": {"title": "Fish", "messages": messages}}}
    assert isinstance(detected(data), DeepSeek)
    (found,) = conversations(DeepSeek(), data)
    assert (found.title, said(found)) == ("Fish", SAID[:2])


def test_what_is_no_conversation_is_rejected() -> None:
    assert parse(None, "place") == Rejected("place", "it is not an object")
    assert parse({"id": "x"}) == Rejected("x", "it has no messages (mapping, chat_messages)")
    assert parse(deepseek(LINES)[0], max_messages=2) == Rejected("c", "it has 5 messages; the cap is 2")


@pytest.mark.parametrize("other", [{"data": {}}, {"data": {"biz_data": {"messages": 7}}}, {"mapping": 7}])
def test_other_data_is_not_detected(other: dict[str, Any]) -> None:
    assert detected(other) is None


KEYS = ("mapping", "message", "fragments", "type", "content", "parent", "children", "inserted_at", "role")


@settings(max_examples=100)
@given(anything(*KEYS))
def test_parse_never_raises(raw: object) -> None:
    assert_sound(parse(raw))
    assert_sound(parse({"mapping": {"1": raw, "2": {"message": raw, "parent": raw, "children": raw}}}))
    assert_sound(parse({"data": {"biz_data": {"chat_messages": [raw], "chat_session": raw}}}))
    assert_sound(parse({"mapping": {"1": {"message": {"fragments": [raw], "role": raw}}}}))


def test_a_known_leaf_does_not_cut_off_what_no_message_is_linked_to() -> None:
    raw = site()
    for message in raw["data"]["biz_data"]["chat_messages"]:
        del message["parent_id"]
    assert said(parse(raw)) == SAID
