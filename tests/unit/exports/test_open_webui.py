from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.exports.conversation import Conversation, Rejected
from shared.exports.formats.open_webui import OpenWebUI, parse, without_reasoning
from tests.support.formats import (
    anything,
    assert_deterministic,
    assert_sound,
    conversations,
    detected,
    read,
    said,
)


def message(role: str, content: object, parent: str | None = None, second: float = 0) -> dict[str, Any]:
    return {
        "parentId": parent,
        "childrenIds": [],
        "role": role,
        "content": content,
        "timestamp": 1700000000 + second,
    }


def conversation(messages: object, current: object = None, **more: Any) -> dict[str, Any]:
    chat = {"title": "Inner", "models": ["m"], "history": {"messages": messages, "currentId": current}}
    about = {
        "id": "w1",
        "user_id": "u",
        "title": "Plants",
        "created_at": 1700000000,
        "updated_at": 1700009999,
    }
    return {**about, "chat": chat, **more}


TREE = {
    "a": message("user", "I grow tomatoes"),
    "ghost": message("assistant", "GHOST", "a", 8),
    "b": message("assistant", "Nice", "a", 2),
    "c": message("user", "And basil", "b", 3),
}


def test_the_current_leaf_decides() -> None:
    (found,) = conversations(OpenWebUI(), [conversation(TREE, "c")])
    assert said(found) == [("user", "I grow tomatoes"), ("assistant", "Nice"), ("user", "And basil")]
    assert (found.id, found.title, found.created_at, found.updated_at) == (
        "w1",
        "Plants",
        1700000000.0,
        1700009999.0,
    )
    assert [turn.id for turn in found.turns] == ["a", "b", "c"]


@pytest.mark.parametrize("current", [None, "gone", 7, [], {}])
def test_without_a_known_leaf_the_latest_decides(current: object) -> None:
    later = {**TREE, "c": message("user", "And basil", "b", 30)}
    assert [text for _, text in said(parse(conversation(later, current)))] == [
        "I grow tomatoes",
        "Nice",
        "And basil",
    ]


def test_an_edited_first_prompt_leaves_its_first_version_behind() -> None:
    tree = {"a": message("user", "GHOST"), "b": message("user", "real", None, 1)}
    assert said(parse(conversation(tree, "b"))) == [("user", "real")]


def test_messages_that_never_had_parents_are_in_file_order() -> None:
    tree = {"a": {"role": "user", "content": "one"}, "b": {"role": "assistant", "content": "two"}}
    assert said(parse(conversation(tree, "b"))) == [("user", "one"), ("assistant", "two")]


def test_old_versions_have_a_linear_list() -> None:
    listed = [
        {"id": "x", "role": "user", "content": "one"},
        {"id": "y", "role": "assistant", "content": "two"},
    ]
    raw = {"id": "w", "chat": {"title": "Inner", "messages": listed}}
    assert said(parse(raw)) == [("user", "one"), ("assistant", "two")]
    found = parse(raw)
    assert isinstance(found, Conversation)
    assert found.title == "Inner"


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        (
            '<details type="reasoning" done="true" duration="3">\n<summary>T</summary>&gt; H\n</details>Seen',
            "Seen",
        ),
        ('Seen <details done="false" type="reasoning">H', "Seen"),
        ("<details type='reasoning'>H <details>H</details> H</details>Seen", "Seen"),
        ('<details type="tool_calls" result="&quot;H&quot;"><summary>x</summary></details>Seen', "Seen"),
        (
            'One<details type="reasoning">H</details>, two<details type="code_interpreter">H</details>',
            "One, two",
        ),
        ("<think>H</think>Seen", "Seen"),
        ("<think>H", ""),
        ("<details><summary>More</summary>Seen</details>", "<details><summary>More</summary>Seen</details>"),
        ("a < b </details> c", "a < b </details> c"),
    ],
)
def test_reasoning_is_cut_out(text: str, visible: str) -> None:
    assert without_reasoning(text) == visible
    found = parse(conversation({"a": message("assistant", text)}, "a"))
    assert said(found) == ([("assistant", visible)] if visible else [])


def test_the_person_may_write_about_details() -> None:
    text = 'Why does <details type="reasoning"> stay open?'
    assert said(parse(conversation({"a": message("user", text)}, "a"))) == [("user", text)]


def test_content_in_parts() -> None:
    parts = [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:"}}, "x"]
    assert said(parse(conversation({"a": message("user", parts)}, "a"))) == [("user", "look")]


def test_cycle_dangling_and_other_roles() -> None:
    cycle = {"a": message("user", "one", "b"), "b": message("assistant", "two", "a")}
    assert said(parse(conversation(cycle, "b"))) == [("user", "one"), ("assistant", "two")]
    dangling = {
        "a": message("user", "one", "gone"),
        "t": message("tool", "no", "a"),
        "b": message("assistant", "two", "t"),
    }
    assert said(parse(conversation(dangling, "b"))) == [("user", "one"), ("assistant", "two")]


@pytest.mark.parametrize("time", ["9999-12-31", -1, 99999999999999999, "x", None])
def test_implausible_times_are_none(time: object) -> None:
    tree = {"a": {**message("user", "hi"), "timestamp": time}}
    found = parse(conversation(tree, "a", created_at=time, updated_at=time))
    assert isinstance(found, Conversation)
    assert (found.created_at, found.updated_at, found.turns[0].created_at) == (None, None, None)


def test_surrogates_nul_and_missing_ids() -> None:
    data = b'[{"chat":{"history":{"messages":{"a\\u0000":{"role":"user","content":"x\\udfff\\u0000"}}}}}]'
    (found,) = conversations(OpenWebUI(), data)
    assert said(found) == [("user", "x\ufffd")]
    assert found.turns[0].id == "a"
    assert_sound(found)
    assert_deterministic(lambda: parse({"chat": {"messages": [{"role": "user", "content": "x"}] * 2}}))
    assert_sound(parse({"chat": {"messages": [{"role": "user", "content": "x"}] * 2}}))


def test_bad_conversations_are_rejected_and_the_file_goes_on() -> None:
    parsed = read(
        OpenWebUI(), ["x", conversation(TREE, "c"), {"id": "no", "chat": {"history": {}}}, {"chat": 7}]
    )
    kinds = [(type(item), item.id) for item in parsed]
    assert kinds == [(Rejected, "member#1"), (Conversation, "w1"), (Rejected, "no"), (Rejected, "member#4")]
    assert parse(conversation(TREE), max_messages=3) == Rejected("w1", "it has 4 messages; the cap is 3")


def test_empty_and_detection() -> None:
    assert read(OpenWebUI(), []) == []
    assert conversations(OpenWebUI(), [conversation({})])[0].turns == []
    assert isinstance(detected([conversation(TREE, "c")]), OpenWebUI)
    assert isinstance(detected(conversation(TREE, "c")), OpenWebUI)
    assert detected([{"id": "x", "chat": "hello"}]) is None


@settings(max_examples=150)
@given(
    anything(
        "id", "chat", "history", "messages", "currentId", "parentId", "role", "content", "type", "timestamp"
    )
)
def test_parse_never_raises(raw: object) -> None:
    assert_sound(parse(raw))
    assert_sound(parse({"chat": raw}))
    assert_sound(parse({"chat": {"history": raw, "messages": raw}}))
    assert_sound(parse(conversation({"a": raw, "b": {"role": "user", "content": raw, "parentId": raw}}, raw)))


@given(
    st.lists(
        st.sampled_from(
            ["<details>", '<details type="reasoning">', "</details>", "<think>", "</think>", "x", "<"]
        )
    )
)
def test_any_nesting_is_survived(pieces: list[str]) -> None:
    visible = without_reasoning("".join(pieces))
    assert 'type="reasoning"' not in visible


def test_a_chat_without_the_object_around_it() -> None:
    whole = conversation(TREE, "c")
    for data in (whole["chat"], [whole["chat"]], {"conversations": [whole["chat"]]}):
        assert isinstance(detected(data), OpenWebUI)
        (found,) = conversations(OpenWebUI(), data)
        assert said(found) == said(parse(whole))
