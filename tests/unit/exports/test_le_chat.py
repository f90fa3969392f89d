from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings

from shared.domain.errors import BrokenExportError
from shared.exports.conversation import Parsed, ReadLimits, Rejected
from shared.exports.formats.le_chat import LeChat, parse
from tests.support.formats import LIMITS, anything, assert_sound, conversations, detected, read, said
from tests.support.samples import data_of, iso, le_chat

LINES = ["I sail at Oostende", "A dinghy?", "A Laser", "Lovely"]


def message(number: int, text: object, **more: Any) -> dict[str, Any]:
    role = "assistant" if number % 2 else "user"
    made = {"id": f"m{number}", "chatId": "c", "role": role, "content": text, "createdAt": iso(number)}
    return {**made, "contentChunks": None, "version": 0, **more}


def test_messages_are_put_in_order_by_their_times() -> None:
    (found,) = conversations(LeChat(), le_chat(LINES))
    assert [text for _, text in said(found)] == LINES
    assert (found.id, found.title) == ("c", LINES[0])
    assert (found.created_at, found.updated_at) == (1740000000.0, 1740000180.0)


def test_of_two_versions_of_a_message_the_later_counts() -> None:
    (found,) = conversations(LeChat(), [message(0, "new", version=1), message(0, "old"), message(1, "yes")])
    assert said(found) == [("user", "new"), ("assistant", "yes")]


def test_the_text_may_stand_in_chunks_between_tools_and_references() -> None:
    chunks = [
        {"type": "text", "text": "It is "},
        {"type": "tool_call", "name": "web_search", "publicArguments": "HIDDEN words"},
        {"type": "reference", "referenceIds": [1]},
        {"type": "text", "text": "windy"},
    ]
    (found,) = conversations(LeChat(), [message(1, "", contentChunks=chunks)])
    assert said(found) == [("assistant", "It is windy")]


def test_messages_of_several_chats_in_one_file_stay_apart() -> None:
    found = conversations(LeChat(), [message(0, "one"), message(1, "two", chatId="d")])
    assert [(each.id, said(each)[0][1]) for each in found] == [("c", "one"), ("d", "two")]


def test_a_truncated_file_gives_the_messages_that_it_held() -> None:
    found: list[Parsed] = []
    with pytest.raises(BrokenExportError):
        found.extend(LeChat().read(io.BytesIO(data_of(le_chat(LINES))[:-60]), "member", LIMITS))
    assert [text for each in found for _, text in said(each)] == LINES[1:]


def test_a_file_over_a_cap_is_refused() -> None:
    (bad,) = read(LeChat(), le_chat(LINES), ReadLimits(messages=3))
    assert bad == Rejected("member", "it has 4 messages; the cap is 3")
    (bad,) = read(LeChat(), le_chat(LINES * 2), ReadLimits(conversation_bytes=1024))
    assert bad == Rejected("member", "larger than 1024 bytes, the cap on one conversation")


def test_what_is_no_message_is_rejected_and_the_file_goes_on() -> None:
    bad, good = read(LeChat(), [7, message(0, "Hello")])
    assert bad == Rejected("member#1", "it is not an object")
    assert said(good) == [("user", "Hello")]


def test_detection() -> None:
    assert isinstance(detected(le_chat(LINES)), LeChat)
    for other in ([{"chatId": "c", "role": "user"}], [{"chatId": 7, "role": "user", "content": "x"}]):
        assert detected(other) is None


@settings(max_examples=100)
@given(anything("id", "chatId", "role", "content", "contentChunks", "type", "text", "createdAt", "version"))
def test_parse_never_raises(raw: object) -> None:
    messages = [{"chatId": "c", "role": "user", "content": raw, "createdAt": raw, "version": raw, "id": raw}]
    if isinstance(raw, dict):
        messages.append(raw)
    for found in parse(messages):
        assert_sound(found)
