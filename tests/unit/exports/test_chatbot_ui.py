from __future__ import annotations

from hypothesis import given, settings

from shared.exports.conversation import Rejected
from shared.exports.formats.chatbot_ui import ChatbotUI, parse
from tests.support.formats import anything, assert_sound, conversations, detected, read, said
from tests.support.samples import chatbot_ui

LINES = ["I carve spoons", "Of birch?", "Of cherry"]


def test_every_version_of_the_file() -> None:
    whole = chatbot_ui(LINES)
    second = {"history": whole["history"], "folders": None}
    for data in (whole, second, whole["history"]):
        assert isinstance(detected(data), ChatbotUI)
        (found,) = conversations(ChatbotUI(), data)
        assert said(found) == [("user", LINES[0]), ("assistant", LINES[1]), ("user", LINES[2])]
        assert (found.id, found.title) == ("c", "t")


def test_system_prompts_are_no_speech_and_contents_may_be_parts() -> None:
    parts = [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "HIDDEN x"}},
    ]
    messages = [{"role": "system", "content": "HIDDEN"}, {"role": "user", "content": parts}]
    assert said(parse({"id": 1, "name": "", "messages": messages})) == [("user", "What is this?")]


def test_an_empty_export_is_empty() -> None:
    empty = {"version": 4, "history": [], "folders": [], "prompts": []}
    assert isinstance(detected(empty), ChatbotUI)
    assert read(ChatbotUI(), empty) == []


def test_what_is_no_conversation_is_rejected() -> None:
    assert parse(7, "place") == Rejected("place", "it is not an object")
    assert parse({"id": "x"}) == Rejected("x", "it has no list of messages")
    assert parse({"id": "x", "messages": [{}, {}]}, max_messages=1) == Rejected(
        "x", "it has 2 messages; the cap is 1"
    )


def test_detection_asks_for_more_than_a_history() -> None:
    for other in (
        {"history": [{"visit": 1}], "version": 1},
        {"history": "x", "version": 1},
        [{"id": 1, "name": "x", "messages": [{"from": "a"}]}],
        {"id": 1, "name": "x", "messages": [{"role": "user", "content": "x"}]},
    ):
        assert detected(other) is None


@settings(max_examples=100)
@given(anything("messages", "role", "content", "id", "name", "type", "text"))
def test_parse_never_raises(raw: object) -> None:
    assert_sound(parse(raw))
    assert_sound(parse({"id": raw, "messages": [raw, {"role": "user", "content": raw}, {"role": raw}]}))
