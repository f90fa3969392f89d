from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from shared.exports.conversation import Conversation, Rejected
from shared.exports.formats.perplexity import Perplexity, parse
from tests.support.formats import anything, assert_sound, conversations, detected, said
from tests.support.samples import iso, perplexity


def conversation(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"context_title": "Ferns", "created_at": iso(0), "entries": list(entries), **more}


def test_entries_are_questions_and_their_answers() -> None:
    (found,) = conversations(Perplexity(), perplexity(["I grow ferns", "Where?", "In Spa"]))
    assert said(found) == [("user", "I grow ferns"), ("assistant", "Where?"), ("user", "In Spa")]
    assert (found.id, found.title, found.created_at) == ("c", "t", 1740000000.0)
    assert found.turns[2].created_at == 1740000120.0


def test_without_an_id_the_first_question_and_its_time_give_one() -> None:
    first, second = {"query": "I grow ferns", "answer": "Where?"}, {"query": "In Spa", "answer": None}
    assert parse(conversation(first)).id == parse(conversation(first, second)).id  # type: ignore[union-attr]
    assert parse(conversation(first)).id != parse(conversation(second)).id  # type: ignore[union-attr]


def test_an_answer_alone_is_no_lost_question() -> None:
    found = parse(conversation({"query": None, "answer": "Some words"}))
    assert isinstance(found, Conversation)
    assert (said(found), found.lost) == ([("assistant", "Some words")], ())


def test_what_is_no_conversation_is_rejected() -> None:
    assert parse(7, "place") == Rejected("place", "it is not an object")
    assert parse({"id": "x"}) == Rejected("x", "it has no list of questions (entries)")
    assert parse(conversation({}, {}, context_uuid="c"), max_messages=3) == Rejected(
        "c", "it has 4 messages; the cap is 3"
    )


def test_detection() -> None:
    assert isinstance(detected({"conversations": [conversation()]}), Perplexity)
    assert isinstance(detected([{"entries": [{"query": "a", "answer": "b"}]}]), Perplexity)
    assert detected([{"entries": [{"query": "a"}]}]) is None


@settings(max_examples=100)
@given(anything("entries", "query", "answer", "created_at", "context_uuid", "uuid"))
def test_parse_never_raises(raw: object) -> None:
    assert_sound(parse(raw))
    assert_sound(parse({"entries": [raw, {"query": raw, "answer": raw, "uuid": raw}], "created_at": raw}))
