from __future__ import annotations

import pytest
from hypothesis import given, settings

from shared.exports.conversation import Conversation, Rejected, Turn
from shared.exports.formats.turns import TurnCollector
from shared.exports.lost import MOST_LOOKED, NO_PARENT, summary, told, unread
from tests.support.formats import anything


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"say": "two words"}, "say"),
        ({"parts": [{"say": "two words"}]}, "parts[].say"),
        ({"say": "你好"}, "say"),
        ({"by": {"3f2a-77": {"say": "two words"}}}, "by.*.say"),
        ({"my diary of May": "two words"}, "*"),
    ],
)
def test_the_field_in_which_words_stand_is_named(message: object, field: str) -> None:
    assert unread(message) == f"its words stand in `{field}`, a field that is not known"


@pytest.mark.parametrize(
    "message",
    [
        None,
        {},
        {"say": ""},
        {"id": "3f2a", "role": "user"},
        {"content": [{"type": "image_url", "image_url": {"url": "a b"}}]},
        {"attachments": [{"extracted_content": "two words"}], "files": [{"file_name": "my file.pdf"}]},
        {"created_at": "Tuesday noon", "model": "some model", "thinking": "two words", "tool_calls": "a b"},
    ],
)
def test_what_never_holds_speech_is_not_looked_at(message: object) -> None:
    assert unread(message) is None


@settings(max_examples=80)
@given(anything("say", "parts"))
def test_anything_may_be_looked_through(message: object) -> None:
    unread({"say": message})


def test_deep_and_wide_messages_are_looked_through_in_part() -> None:
    deep: object = "two words"
    for _ in range(100_000):
        deep = {"say": deep}
    assert unread(deep) is None
    assert unread({"say": [{"x": n} for n in range(1_000_000)]}) is None


def test_a_conversation_without_words_of_the_person_is_refused_if_it_lost_some() -> None:
    answer = Turn("m", "assistant", "Sure")
    assert isinstance(told(Conversation("c", "", [], lost=("x", "x", "y"))), Rejected)
    assert isinstance(told(Conversation("c", "", [answer], lost=("x",))), Rejected)
    for kept in (
        Conversation("c", "", []),
        Conversation("c", "", [answer]),
        Conversation("c", "", [Turn("m", "user", "Hello")], lost=("x",)),
    ):
        assert told(kept) is kept


def test_reasons_are_counted_and_the_commonest_named() -> None:
    assert summary([NO_PARENT] * 3 + ["b", "b", "c", "d"]) == f"3 times: {NO_PARENT}; 2 times: b; 1 times: c"


def test_looking_takes_no_longer_than_the_text_is() -> None:
    for text in ("a" * 4000, "a " * 2000, "a" + " " * 4000, "a," * 2000, "a-" * 2000):
        for _ in range(300):  # of a pattern that tries each beginning against each end, half a minute
            unread({"1": text})


def test_only_so_many_messages_of_one_conversation_are_looked_through() -> None:
    turns = TurnCollector()
    for _ in range(MOST_LOOKED + 5):
        turns.add("", "user", "", None, {"say": "two words"})
    assert len(turns.lost) == MOST_LOOKED
