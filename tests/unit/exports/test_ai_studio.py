from __future__ import annotations

import io
from typing import Any

from hypothesis import given, settings

from shared.exports.conversation import Conversation, Rejected
from shared.exports.formats.ai_studio import AIStudio, parse
from tests.support.formats import LIMITS, anything, assert_sound, conversations, detected, said
from tests.support.samples import ai_studio, data_of

LINES = ["I row on the Meuse", "Alone?", "With my sister"]


def chat(*chunks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"runSettings": {}, "chunkedPrompt": {"chunks": list(chunks), **more}}


def test_a_chat_is_a_conversation_titled_like_its_file() -> None:
    (found,) = AIStudio().read(io.BytesIO(data_of(ai_studio(LINES))), "Drive/Google AI Studio/Rowing", LIMITS)
    assert said(found) == [("user", LINES[0]), ("assistant", LINES[1]), ("user", LINES[2])]
    assert isinstance(found, Conversation)
    assert (found.title, found.created_at, found.updated_at) == ("Rowing", 1740000000.0, 1740000120.0)


def test_thoughts_drafts_and_named_files_are_no_speech() -> None:
    raw = chat(
        {"role": "user", "text": "What is this?"},
        {"role": "user", "driveDocument": {"id": "HIDDEN file"}},
        {"role": "model", "text": "HIDDEN", "isThought": True},
        {"role": "model", "text": "A boat"},
        pendingInputs=[{"role": "user", "text": "HIDDEN"}],
    )
    found = parse({**raw, "systemInstruction": {"parts": [{"text": "HIDDEN"}]}})
    assert said(found) == [("user", "What is this?"), ("assistant", "A boat")]
    assert isinstance(found, Conversation)
    assert found.lost == ()


def test_a_text_may_stand_in_parts() -> None:
    parts = [{"text": "HIDDEN", "thought": True}, {"text": "one "}, {"text": "two"}]
    assert said(parse(chat({"role": "model", "parts": parts}))) == [("assistant", "one two")]


def test_its_id_stays_while_it_grows_if_its_first_message_has_a_time() -> None:
    def ids(texts: list[str], name: str = "chat", **without: None) -> str:
        raw = ai_studio(texts)
        for chunk in raw["chunkedPrompt"]["chunks"]:
            chunk.update(without)
        return parse(raw, name=name).id  # type: ignore[union-attr]

    assert ids(LINES) == ids(LINES[:1])
    assert ids(LINES) != ids(["Hello"]) != ids(["Hello"], "another")
    # Without a time nothing but the content tells two chats apart that begin alike.
    assert ids(LINES, createTime=None) != ids(LINES[:1], createTime=None)


def test_an_empty_chat_and_what_is_none() -> None:
    assert conversations(AIStudio(), chat())[0].turns == []
    assert parse({"chunkedPrompt": {}}) == parse(chat())
    assert parse({}, "place") == Rejected("place", "it has no list of messages (chunkedPrompt.chunks)")
    assert parse(chat({}, {}), "place", 1) == Rejected("place", "it has 2 messages; the cap is 1")


def test_detection() -> None:
    assert isinstance(detected(ai_studio(LINES)), AIStudio)
    assert isinstance(detected([ai_studio(LINES)]), AIStudio)
    assert detected({"chunkedPrompt": "x"}) is None


@settings(max_examples=100)
@given(anything("chunkedPrompt", "chunks", "role", "text", "parts", "isThought", "createTime"))
def test_parse_never_raises(raw: object) -> None:
    assert_sound(parse(raw))
    assert_sound(parse({"chunkedPrompt": raw}))
    assert_sound(parse({"chunkedPrompt": {"chunks": [raw, {"role": "user", "text": raw, "parts": raw}]}}))
