"""Where a sentence ends and where an abbreviation goes on."""

from __future__ import annotations

import pytest

from tests.support.labelled import bare, cut, sentences
from tests.unit.rules.said_support import statements

WRONG = {
    "My appointment is on Mon. at 3.",
    "My tel. no. is private. I never share it.",
    "a. i live in leeds b. i work in hull",
    "I walk 10 mi. a day.",
    "My team is Man. United.",
    "I own a Jeep (ca. 1990). It runs.",
    "I speak Fr. and Ger. I lived in Lyon.",
}
"""Of 135 messages: those that are cut wrongly. By a list that asked nothing of what follows it was 61."""


def test_the_labelled_messages() -> None:
    hard = sentences()
    assert len(hard) >= 130
    assert {text for each in hard if cut(text := " ".join(each)) != list(map(bare, each))} == WRONG


@pytest.mark.parametrize(
    "answer", ["I said no.", "no.", "My clock says 5 p.m.", "I work at Acme Inc.", "etc."]
)
def test_what_follows_an_abbreviation_that_ends_a_sentence_is_read(answer: str) -> None:
    assert "I live in Leeds." in statements(f"{answer} I live in Leeds.")
    assert "I live in leeds." in statements(f"{answer} i live in leeds")


def test_what_follows_a_title_belongs_to_it() -> None:
    assert statements("I live with Dr. Okafor in Leeds.") == ["I live with Dr. Okafor in Leeds."]
    assert statements("I live at no. 7, High St. in Leeds.") == ["I live at no. 7, High St. in Leeds."]
