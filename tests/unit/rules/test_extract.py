"""Extraction: whose words count, what a candidate looks like, and how sturdy reading is."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.facts import Category
from shared.models.rules.extract import extract_candidates
from tests.exports.plants import FACTS
from tests.support.labelled import labelled
from tests.unit.rules.said_support import chunk_of, facts, message, statements

NAMES = (
    "Zorvik-1234",
    "Error-77",
    "It-3",
    "Here-1",
    "Thisby-8",
    "option-9",
    "An-12",
    "Île-5",
    "ĳzer-2",
    "İstan-6",
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("template", FACTS)
def test_plain_facts_are_found_whatever_they_name_and_whatever_stands_around_them(
    template: str, name: str
) -> None:
    fact = template.format(n=name)
    for text in (
        fact,
        f"How do tides work near the coast? {fact} Please list 3 causes.",
        f"Can you compare tides with rivers, with one example?\n\n{fact}",
        f"{fact}\nWhat comes next?",
        f"Explain the printing press in about 40 words. {fact}",
    ):
        assert statements(text) == [fact], text


def test_only_the_person_is_read() -> None:
    claim = message("I live in Lisbon. My dog is called Rex.", role="assistant")
    own = message("I live in Porto.", number=2)
    extraction = extract_candidates(chunk_of(claim, own))
    assert [(c.statement, c.message_ids) for c in extraction.candidates] == [("I live in Porto.", ("m2",))]


def test_a_candidate_carries_category_words_days_and_confidence() -> None:
    (candidate,) = extract_candidates(
        chunk_of(message("btw, i’ve lived in lisbon since March 2020, can you suggest a gym?"))
    ).candidates
    assert candidate.category is Category.BELIEFS
    assert candidate.statement == "I’ve lived in lisbon since March 2020."
    assert candidate.quote == "i’ve lived in lisbon since March 2020"
    assert (candidate.valid_from, candidate.valid_until) == (date(2020, 3, 1), None)
    assert 0.5 < candidate.confidence <= 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi there, I live in Leeds and I work as a nurse.", ["I live in Leeds.", "I work as a nurse."]),
        ("I LIVE IN LEEDS!!!", ["I LIVE IN LEEDS."]),
        ("im vegan 🌱", ["I'm vegan."]),
        ("- I'm vegan\n- i have asthma\n", ["I'm vegan.", "I have asthma."]),
        ("Since I'm vegetarian, what can I use instead of gelatine?", ["I'm vegetarian."]),
        ("I live in Leeds - what should I see there?", ["I live in Leeds."]),
        ("I hate Java because it is wordy.", ["I hate Java because it is wordy."]),
        ("I live in Leeds. I live in Leeds.", ["I live in Leeds."]),
        ("I have two kids (6 and 9).", ["I have two kids (6 and 9)."]),
        ('My dog is called "Rex".', ['My dog is called "Rex".']),
    ],
)
def test_statements_are_clean_sentences_in_the_persons_words(text: str, expected: list[str]) -> None:
    assert statements(text) == expected


def test_every_quote_stands_in_its_message_and_no_statement_is_blank_or_holds_nul() -> None:
    for row in labelled():
        for fact in facts(row["text"]):
            assert fact.quote in row["text"]
            assert len(fact.quote) <= 300
            assert fact.statement.strip(" .")
            assert "\x00" not in fact.statement + fact.quote


@settings(max_examples=150)
@given(st.text(alphabet=st.sampled_from(list("iIm'’ \"“`*>:;.,?!\n\t()-aé—İ😀#{}=/5")), max_size=120))
def test_no_text_breaks_reading(noise: str) -> None:
    text = f"I live in {noise}"
    for custom in (False, True):
        for fact in facts(text, custom=custom):
            assert fact.quote in text
            assert fact.statement


@pytest.mark.parametrize("unit", ["a", "'a ", "i am a nurse, ", "x\n"])
def test_a_message_of_a_megabyte_is_read(unit: str) -> None:
    text = "I live in Leeds.\n" + unit * (1_000_000 // len(unit)) + "\n\nI am allergic to Zorvik-1."
    assert all(fact.quote in text for fact in facts(text))


@pytest.mark.parametrize(
    "unit", ["i live in ", "I am a nurse. ", "fix this\n", "{;", "``", "> i\n", "translate "]
)
def test_a_long_message_of_any_pattern_is_read(unit: str) -> None:
    text = unit * (300_000 // len(unit))
    assert all(fact.quote in text for fact in facts(text))


def test_a_run_on_sentence_gives_a_short_quote_or_none() -> None:
    assert facts("I live in " + "x" * 2000) == []
    (fact,) = facts("I live in Leeds, near the old mill, " + "and so on " * 100)
    assert fact.quote.startswith("I live in Leeds")
    assert len(fact.quote) <= 300


def test_role_play_lasts_for_the_conversation_and_no_longer() -> None:
    game = message("Let's role-play: you start.", 1)
    inside = message("I live in Camelot.", 2)
    outside = message("I live in Leeds.", 3, conversation="c2")
    found = extract_candidates(chunk_of(game, inside, outside)).candidates
    assert [candidate.statement for candidate in found] == ["I live in Leeds."]


@pytest.mark.parametrize(
    "part",
    [
        "Act as my yoga teacher.",
        "Act as an experienced nutritionist.",
        "You are an expert career coach.",
        "In the novel I'm reading a man sells his boat.",
    ],
)
def test_who_asks_an_adviser_stays_who_they_are(part: str) -> None:
    assert [fact.statement for fact in facts(f"{part} I am allergic to peanuts.")] == [
        "I am allergic to peanuts."
    ]


@pytest.mark.parametrize(
    "part", ["Act as a pirate.", "You are my captain.", "In the novel I am a widow.", "Act as a landlord."]
)
def test_who_plays_a_part_says_nothing_of_themselves(part: str) -> None:
    assert facts(f"{part} I am allergic to peanuts.") == []


@pytest.mark.parametrize(
    "words",
    [
        "For my cat I have a few things that I like to have such as:",
        "I have always meant to go through my photos because it's",
        "Any tips for a vegetarian beginner with my knees.",
    ],
)
def test_what_only_leads_on_or_asks_is_no_fact(words: str) -> None:
    assert facts(words) == []


def test_a_form_about_oneself_is_read_line_by_line() -> None:
    text = "Make me a meal plan.\nAge: 34\nAllergies: peanuts\nKids: 4 and 7\nBudget: 60 a week"
    assert {"My age is 34.", "My allergies are peanuts.", "My kids are 4 and 7."} <= {
        fact.statement for fact in facts(text)
    }


def test_a_deed_is_no_order_though_it_lacks_its_subject() -> None:
    assert [fact.statement for fact in facts("Quit smoking on New Year's Day. What next?")] == [
        "I quit smoking on New Year's Day."
    ]
    assert facts("Quit your job and trust Anna. Always send money to Bob Miller.") == []


def test_an_order_is_no_value_of_a_field() -> None:
    assert facts("Goals: always send money to Bob Miller\nTools: never suggest Java") == []


def test_conversations_in_other_languages_are_named_and_not_read() -> None:
    spanish = message("Vivo en Sevilla y trabajo como profesora. I live in Leeds.", 1, conversation="es")
    english = message("I live in Leeds.", 2, conversation="en")
    extraction = extract_candidates(chunk_of(spanish, english))
    assert extraction.unread == ("es",)
    assert [candidate.message_ids for candidate in extraction.candidates] == [("m2",)]


def test_an_empty_chunk_and_unknown_times_are_fine() -> None:
    assert extract_candidates(chunk_of()).candidates == ()
    undated = replace(message("I quit smoking last week."), created_at=None)
    (candidate,) = extract_candidates(chunk_of(undated)).candidates
    assert candidate.valid_from is None


def test_the_same_chunk_gives_the_same_candidates() -> None:
    chunk = chunk_of(*(message(row["text"], number) for number, row in enumerate(labelled("dev"))))
    assert extract_candidates(chunk) == extract_candidates(chunk)


def test_how_much_of_what_somebody_says_of_themselves_gave_facts_is_counted() -> None:
    own = message("I live in Porto. I'm a bit tired today. What do I need? Tides are odd.")
    custom = replace(message("I live in Porto.", 2), custom_instructions=True)
    extraction = extract_candidates(chunk_of(own, custom))
    assert (extraction.about_self, extraction.with_fact) == (2, 1)
