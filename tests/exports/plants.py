"""What is planted: sentences that are facts, and sentences that look like facts and are none.

Every sentence names something made up with a number of its own, its *marker* (`Zorvik-1234`), so where a
sentence ended up can be found by looking for the marker.
"""

from __future__ import annotations

import re
from random import Random

FACTS = (
    "My dog is called {n}.",
    "My favourite tea is {n}.",
    "I work as a gardener at {n}.",
    "I am allergic to {n}.",
    "I moved to {n} in 2021.",
    "I decided to stop buying {n}.",
    "I drive a {n}.",
    "My daughter's name is {n}.",
    "I always use {n} for my notes.",
    "I believe that {n} deserves more attention.",
    "Always answer me in the style of {n}.",
    "My wedding is on 12 May 2027 in {n}.",
    "I am building a boat called {n}.",
    "I hate the taste of {n}.",
)
"""Durable facts in the person's own words: each must be found where it stands on a visible path."""

FAR_ON = tuple(sentence for sentence in FACTS if not sentence.startswith("Always "))
"""Those that are found wherever in a message they stand. An order counts where the person begins to speak,
and not at the end of two hundred thousand characters, which may be anybody's (ADR 47)."""

PROFILE = ("I work as a gardener at {n}.", "I am allergic to {n}.", "I drive a {n}.")
"""What the custom instructions say about the person."""
WISHES = ("Always answer me in the style of {n}.",)
"""What the custom instructions ask for."""

THIRD_PARTY = (
    "My neighbour's dog is called {n}.",
    "My colleague works as a gardener at {n}.",
    "His sister is allergic to {n}.",
    "The mayor moved to {n} in 2021.",
    "The author of that article drives a {n}.",
    "A cousin of the baker is building a boat called {n}.",
)
QUESTION = (
    "Is {n} a good name for a dog?",
    "What does {n} taste like?",
    "Should I drive a {n}?",
    "Why do people move to {n}?",
    "Am I allergic to {n}?",
)
HYPOTHETICAL = (
    "If I moved to {n}, would the winters feel long?",
    "Suppose I worked as a gardener at {n}; how would the mornings look?",
    "If my dog were called {n}, would children laugh?",
    "Suppose I drove a {n}; what would a repair cost?",
)
CLAIM = (
    "I will remember this about you: your dog is called {n}.",
    "You told me that you are allergic to {n}.",
    "Since you live in {n}, the shops there are a good start.",
    "As a gardener at {n}, you know this already.",
    "My favourite tea is {n}, too.",
)
"""What an assistant says about the person (or itself): never the person's own words."""

_FIRST = ("Zor", "Mel", "Quan", "Bri", "Tav", "Osk", "Lum", "Fenn", "Gar", "Hul", "Ix", "Jor", "Kel", "Nym",
          "Pav", "Rud", "Sil", "Thra", "Ul", "Vex", "Wil", "Yar", "Zan", "Dro")  # fmt: skip
_SECOND = ("vik", "to", "dra", "mon", "lis", "ber", "quo", "nath", "fel", "rin", "sko", "ta", "wen", "zil",
           "gra", "hem", "jin", "lor", "pex", "dum")  # fmt: skip
MARKERS_A_CONVERSATION = 64
"""Numbers set aside for one conversation, so that all markers of an export differ."""
_MARKER = re.compile(r"\b[A-Z][a-z]+-\d{4,}\b", re.IGNORECASE)


class Planter:
    """Gives out the markers of one conversation and the sentences around them."""

    def __init__(self, rng: Random, conversation: int) -> None:
        self._rng = rng
        self._next = 1000 + conversation * MARKERS_A_CONVERSATION
        self._end = self._next + MARKERS_A_CONVERSATION

    def plant(self, templates: tuple[str, ...]) -> tuple[str, str]:
        """A new marker and a sentence of `templates` that holds it. Raises ValueError if none is left."""
        if self._next == self._end:
            raise ValueError(f"a conversation holds at most {MARKERS_A_CONVERSATION} planted sentences")
        rng = self._rng
        marker = f"{rng.choice(_FIRST)}{rng.choice(_SECOND)}-{self._next}"
        self._next += 1
        return marker, rng.choice(templates).format(n=marker)


def markers_in(text: str) -> set[str]:
    """Every marker that stands in `text`, in lower case."""
    return {found.lower() for found in _MARKER.findall(text)}
