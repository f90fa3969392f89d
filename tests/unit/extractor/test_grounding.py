"""Grounding: what is a ground for a fact, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from services.extractor.grounding import (
    NOT_THE_PERSON,
    QUOTE_NOT_FOUND,
    UNKNOWN_MESSAGE,
    ground,
    normalise,
)
from shared.facts import Candidate, Category, SourceKind
from tests.support.chunks import STARTED, chunk_of, said


def candidate(quote: str, *messages: str, statement: str = "I live in Lisbon.") -> Candidate:
    return Candidate(
        category=Category.BELIEFS, statement=statement, quote=quote, message_ids=messages or ("m1",)
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
    other = ground(CHUNK, (candidate("I live in", "m1", statement="I live in Portugal."),)).facts
    assert len(once) == 1
    assert once[0].id != other[0].id
    assert once[0].id == ground(CHUNK, (candidate("i live in", "m1"),)).facts[0].id


def test_a_quote_may_stand_in_a_later_part_of_a_cut_message() -> None:
    chunk = chunk_of(said("m1", "first part"), said("m1", "I live in Lisbon", part=1))
    assert len(ground(chunk, (candidate("I live in Lisbon"),)).facts) == 1


def test_standing_instructions_are_a_source_kind_of_their_own() -> None:
    chunk = chunk_of(said("m1", "Always answer in French.", custom_instructions=True))
    (fact,) = ground(chunk, (candidate("Always answer in French"),)).facts
    assert fact.source_kind is SourceKind.CUSTOM_INSTRUCTIONS


def test_normalise_changes_nothing_else() -> None:
    assert normalise("  Straße\t“a”—b…\n") == 'strasse "a"-b...'
