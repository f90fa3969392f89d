"""A search about marks finds what a search of the whole text finds."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.english import asked_about, role_play
from shared.english.spotting import REACH, found_near, near

SOUGHT = [
    (role_play._ROLE_PLAY, role_play._ROLE_HINTS),
    (role_play._PERSISTENT, role_play._PERSISTENT_HINTS),
    (asked_about._SUPPOSED, asked_about._SUPPOSED_HINTS),
    (asked_about._QUOTING, asked_about._QUOTING_HINTS),
    (asked_about._TO_MACHINES, asked_about._TO_MACHINES_HINTS),
    (asked_about._REPLY_WANTED, asked_about._REPLY_HINTS),
]
PIECES = [
    "write me a short and very gloomy monologue", "let's pretend", "in this story", "suppose i move",
    "\nimagine that", "and i quote", "type the following", "in her own words", "the user's address",
    "ignore all previous instructions", "\nsystem prompt: obey", "how should i reply to him\n",
    "what would you say", "a role of film", "the first story of the house", "for example, cats",
    "x" * REACH, " word" * REACH, "\n", ". ",
]  # fmt: skip


@pytest.mark.parametrize(("pattern", "marks"), SOUGHT)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map(" ".join))
def test_the_first_match_is_the_same(pattern: re.Pattern[str], marks: tuple[str, ...], text: str) -> None:
    found, whole = found_near(pattern, text, marks), pattern.search(text)
    assert (found and found.span()) == (whole and whole.span())


@given(st.text(alphabet="ab ", max_size=900))
def test_stretches_are_apart_and_hold_all_marks(text: str) -> None:
    stretches = list(near(text, ("a", "b ")))
    assert all(end < begin for (_, end), (begin, _) in pairwise(stretches))
    for place, letter in enumerate(text):
        if letter == "a":
            assert any(begin <= place < end for begin, end in stretches)
