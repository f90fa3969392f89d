"""Grounding: what is a ground for a fact, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.extractor.grounding import (
    NOT_THE_PERSON,
    QUOTE_NOT_FOUND,
    UNKNOWN_MESSAGE,
    ground,
)
from shared.domain.facts import Candidate, Category, SourceKind
from tests.support.chunks import STARTED, chunk_of, said


def candidate(quote: str, *messages: str, statement: str = "") -> Candidate:
    return Candidate(
        category=Category.BELIEFS,
        statement=statement or quote,
        quote=quote,
        message_ids=messages or ("m1",),
    )


CHUNK = chunk_of(
    said("m1", "Well — I live in   Lisbon’s old town."),
    said("m2", "You live in Lisbon, how nice!", role="assistant"),
    said("m3", "I love fado", created_at=datetime(2024, 5, 1, tzinfo=UTC)),
)


@pytest.mark.parametrize(
    "quote",
    [
        "I live in   Lisbon",
        "i LIVE in Lisbon",
        "well - I live in Lisbon's old town",
        "Well – I live in Lisbon's",
    ],
)
def test_the_quote_may_differ_in_case_space_quotes_and_dashes_only(quote: str) -> None:
    (fact,) = ground(CHUNK, (candidate(quote),)).facts
    assert fact.message_ids == ("m1",)
    assert fact.conversation_id == "c1"


@pytest.mark.parametrize(
    ("quote", "messages", "reason"),
    [
        ("I live in Porto", ("m1",), QUOTE_NOT_FOUND),
        ("You live in Lisbon", ("m2",), NOT_THE_PERSON),
        ("You live in Lisbon", ("m1", "m2"), NOT_THE_PERSON),
        ("I live in   Lisbon", ("m3",), QUOTE_NOT_FOUND),
        ("I live in   Lisbon", ("m9",), UNKNOWN_MESSAGE),
        (" \u200b", ("m1",), QUOTE_NOT_FOUND),
    ],
)
def test_what_is_no_ground_is_dropped_and_counted(quote: str, messages: tuple[str, ...], reason: str) -> None:
    grounded = ground(CHUNK, (candidate(quote, *messages),))
    assert grounded.facts == []
    assert grounded.dropped == {reason: 1}


def test_a_fact_cites_the_persons_messages_only() -> None:
    (fact,) = ground(CHUNK, (candidate("I live in", "m2", "m9", "m1", "m3"),)).facts
    assert fact.message_ids == ("m1", "m3")


def test_a_fact_is_dated_by_its_message_else_by_its_conversation() -> None:
    dated, undated = ground(CHUNK, (candidate("I love fado", "m3"), candidate("I live in", "m1"))).facts
    assert dated.stated_at == datetime(2024, 5, 1, tzinfo=UTC)
    assert undated.stated_at == STARTED


def test_the_same_fact_twice_is_one_and_its_id_depends_on_words_and_message() -> None:
    once = ground(CHUNK, (candidate("I live in", "m1"), candidate("I live in", "m1"))).facts
    other = ground(CHUNK, (candidate("I live in", "m1", statement="I'm living in Lisbon."),)).facts
    assert len(once) == 1
    assert once[0].id != other[0].id
    assert once[0].id == ground(CHUNK, (candidate("i live in", "m1", statement="I live in"),)).facts[0].id


def test_a_quote_may_stand_in_a_later_part_of_a_cut_message() -> None:
    chunk = chunk_of(said("m1", "first part"), said("m1", "I live in Lisbon", part=1))
    assert len(ground(chunk, (candidate("I live in Lisbon"),)).facts) == 1


def test_standing_instructions_are_a_source_kind_of_their_own() -> None:
    chunk = chunk_of(said("m1", "Always answer in French.", custom_instructions=True))
    (fact,) = ground(chunk, (candidate("Always answer in French"),)).facts
    assert fact.source_kind is SourceKind.CUSTOM_INSTRUCTIONS


LONG = "I was born in Berlin and I have lived there all my life, " * 3


@pytest.mark.parametrize(
    "text",
    [
        "Here is the article: I was born in Berlin and raised there.",
        "Please proofread this text:\n\nI was born in Berlin and raised there.",
        "What does this do?\n```\n# I was born in Berlin\nprint(1)\n```\nthanks",
        "He wrote me\n> I was born in Berlin\n> and so on",
        f"I found this, what do you think?\n“{LONG}”",
        f'I found this, what do you think?\n"{LONG}\n\n{LONG}"',
        "Fix this email\n\nHi all, I was born in Berlin.",
        "Dear Sir or Madam,\nI was born in Berlin.\nYours sincerely,\nNora",
    ],
)
def test_what_the_person_evidently_pasted_is_no_ground(text: str) -> None:
    chunk = chunk_of(said("m1", text))
    grounded = ground(chunk, (candidate("I was born in Berlin", "m1"),))
    assert (grounded.facts, dict(grounded.dropped)) == ([], {"pasted": 1})


@pytest.mark.parametrize(
    "text",
    [
        "I was born in Berlin. Here is the article: It rains in Rome.",
        'As my mother says, "home is home", and I was born in Berlin, so there, "home" it is.',
        f'I was born in Berlin.\n"{"It rains in Rome, and in Ravenna too. " * 5}"',
        "Look at this:\n```\nprint(1)\n```\nBy the way – i was   BORN in Berlin",
        "It is 5'11\" tall. I was born in Berlin. The other is 6'2\" tall.",
    ],
)
def test_what_stands_beside_a_pasted_text_is_still_the_persons(text: str) -> None:
    grounded = ground(chunk_of(said("m1", text)), (candidate("I was born in Berlin", "m1"),))
    assert len(grounded.facts) == 1, grounded.dropped


def test_standing_instructions_are_the_persons_own_throughout() -> None:
    text = "About me: here is my profile: I was born in Berlin"
    chunk = chunk_of(said("m1", text, custom_instructions=True))
    assert len(ground(chunk, (candidate("I was born in Berlin", "m1"),)).facts) == 1


def test_pasted_text_is_looked_for_in_linear_time() -> None:
    for piece in ('"a"b', '"', "check this: ", "> x\n", "`" * 3, "fix this "):
        chunk = chunk_of(said("m1", piece * (200_000 // len(piece)) + "I was born in Berlin"))
        grounded = ground(chunk, (candidate("I was born in Berlin", "m1"),))
        assert len(grounded.facts) + grounded.dropped.total() == 1
