"""Where sentences fall apart into clauses."""

from __future__ import annotations

import pytest

from shared.english.plain import fold
from shared.english.sentences import split_clauses, split_sentences


def clauses(text: str) -> list[str]:
    """The clauses of a text, as they stand in it."""
    sentences = split_sentences(text, fold(text))
    return [text[each.start : each.end] for sentence in sentences for each in split_clauses(sentence)]


@pytest.mark.parametrize(
    "whole",
    [
        "My boyfriend and I live together in Hull",
        "Josie and I signed the papers in June",
        "my wife and my son are vegan",
        "me and my cousin Dez started a band",
        "When I'm sad, I cook",
        "In 2019, I moved to Berlin",
        "Since I was little I dance",
        "I've had it since I was nine",
        "As a nurse, I get paid by the hour",
        "No milk for me",
        "412 days off the drink",
        "People have forgotten how to sit still",
        "Interests: birds, trains",
        "I hate Java because it is wordy",
        "My dog, my only friend, sleeps here",
    ],
)
def test_what_belongs_together_is_not_cut(whole: str) -> None:
    assert clauses(whole) == [whole]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "I coach girls' basketball and the house is cold",
            ["I coach girls' basketball", "the house is cold"],
        ),
        ("I live in Leeds, tomorrow I've got an exam", ["I live in Leeds", "tomorrow I've got an exam"]),
        ("I am 41 and already I am tired", ["I am 41", "already I am tired"]),
        ("my mum's a nurse, she's on nights", ["my mum's a nurse", "she's on nights"]),
        ("I'm vegan so nothing with milk", ["I'm vegan", "nothing with milk"]),
        ("since I don't drive, how do I get there", ["I don't drive", "how do I get there"]),
        ("As a type 1 diabetic, what is good", ["As a type 1 diabetic", "what is good"]),
        ("I have a stutter, so chatting is easier", ["I have a stutter", "chatting is easier"]),
        ("No. I live in Leeds", ["No", "I live in Leeds"]),
        ("my landlord won't fix the boiler so how do I", ["my landlord won't fix the boiler", "how do I"]),
        ("Given that we have a baby, what car", ["we have a baby", "what car"]),
    ],
)
def test_clauses_end_where_another_begins(text: str, expected: list[str]) -> None:
    assert clauses(text) == expected
