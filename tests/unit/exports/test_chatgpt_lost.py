"""What of a ChatGPT conversation is told as lost, and what is not."""

from __future__ import annotations

from typing import Any

import pytest

from shared.exports.conversation import Conversation
from shared.exports.formats.chatgpt import parse
from shared.exports.lost import NO_PARENT
from tests.support.samples import chatgpt

LINES = ["I ride a tandem", "With whom?", "With my brother", "Nice"]


def conversation() -> dict[str, Any]:
    (raw,) = chatgpt(LINES)
    assert isinstance(raw, dict)
    return raw


def lost(raw: dict[str, Any]) -> tuple[str, ...]:
    found = parse(raw)
    assert isinstance(found, Conversation)
    return found.lost


def test_an_ordinary_conversation_loses_nothing() -> None:
    assert lost(conversation()) == ()


def test_abandoned_branches_are_no_loss() -> None:
    raw = conversation()
    raw["mapping"]["ghost"] = {**raw["mapping"]["n2"], "id": "ghost"}
    raw["mapping"]["alone"] = {**raw["mapping"]["n0"], "id": "alone", "parent": None}
    assert lost(raw) == ()


def test_messages_before_one_that_the_file_lacks_are_lost() -> None:
    raw = conversation()
    raw["mapping"]["n2"]["parent"] = "gone"
    assert lost(raw) == (NO_PARENT,)


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"is_visually_hidden_from_conversation": True}},
        {"recipient": "browser"},
        {"author": {"role": "system"}},
        {"content": {"content_type": "code", "text": "two words"}},
        {"content": {"content_type": "multimodal_text", "parts": [{"content_type": "image_asset_pointer"}]}},
        {"content": {"content_type": "text", "parts": [""]}},
        {"content": None},
    ],
)
def test_what_is_no_speech_of_the_person_is_no_loss(change: dict[str, Any]) -> None:
    raw = conversation()
    raw["mapping"]["n2"]["message"].update(change)
    assert lost(raw) == ()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"content": {"content_type": "voice_2027", "words": "two words"}}, "content.words"),
        ({"content": {"content_type": "text", "pieces": ["two words"]}}, "content.pieces[]"),
        ({"content": "two words"}, "content"),
        ({"author": None, "content": {"content_type": "text", "parts": ["two words"]}}, "content.parts[]"),
    ],
)
def test_words_in_another_place_are_lost_and_the_place_is_named(change: dict[str, Any], field: str) -> None:
    raw = conversation()
    raw["mapping"]["n2"]["message"].update(change)
    assert lost(raw) == (f"its words stand in `{field}`, a field that is not known",)
