"""A slot is a matter that holds one value at a time. This is the form of the rules that read its statements.

A rule is tried only where one of its `triggers` stands in the statement. Its pattern reads a canonical
statement (`shared.english.canonical`: the person is `I`, no contractions, no fillers) from its first
character. Named groups: `v` the value, `k` what kind of thing (part of the matter), `left` the value that the
statement says was left.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Tail(Enum):
    """What words after the value do to the claim."""

    FREE = "free"
    """Nothing: `I moved to Porto to be near my parents` is still about Porto."""
    STRICT = "strict"
    """They narrow it: `I use Python for plots` contradicts nothing."""


TOUGH = 2
"""Strength of an explicit end (`I stopped ...`), and resistance of what only such an end takes away."""


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """One way to state the value of a slot."""

    kind: str
    matter: str
    triggers: str
    pattern: str
    accepts: Callable[[str], bool] | None = None
    """What the value (lower case) must be, beyond the pattern."""
    value: str | None = None
    """The value where it is not the words of group `v`."""
    negates: bool = False
    """It says that the value no longer holds."""
    strength: int = 1
    """How much it takes away: earlier claims of other values fall if their `resistance` is not above this."""
    resistance: int = 1
    tail: Tail = Tail.STRICT
    stage: int = 0
    """How far the matter has come: an intention is 1, what follows it more. 0: the matter knows no stages."""
    over: int = 1
    """The lowest stage that this one leaves behind; its own and higher ones stand."""
    near: bool = False
    """It is clear only from its conversation what it speaks of: `We signed the contract`."""
    together: bool = False
    """`We ...` says it of the person as well as `I ...` does: of a home or a child, not of a team."""

    def compiled(self) -> re.Pattern[str]:
        """The pattern, anchored, with the abbreviations below filled in."""
        text = self.pattern
        for name, part in PARTS.items():
            text = text.replace(f"<{name}>", part)
        return re.compile(text, re.IGNORECASE)


_NAME = r"(?-i:[^\W\d_][\w'’.&-]*)"
PARTS = {
    "PROPER": r"(?:(?-i:[A-ZÀ-ÖØ-ÞĀ-ſ])[\w'’&-]*"
    r"(?:[ .](?:(?:de|da|do|dos|of|la|le|el|al|am|an der|upon|den) )?(?-i:[A-ZÀ-ÖØ-Þ])[\w'’&-]*)*)",
    "PLACE": rf"(?:(?:the )?(?-i:[A-ZÀ-ÖØ-ÞĀ-ſ])[\w'’-]*"
    rf"(?:[ .](?:(?:de|da|do|dos|of|la|le|el|am|upon|den)"
    rf" )?(?-i:[A-ZÀ-ÖØ-Þ])[\w'’-]*)*|{_NAME}(?=$| with | near |,))",
    "END": r"(?=$|[,;(]| )",
    "THING": r"[^,;()]+?",
    "STOP": r"(?=$|[,;(]| (?:and|but|because|since|which|who|that|when|while"
    r"|though|although|if|for|at|in|on|to|with|"
    r"again|any ?more|these|this|instead|as|from|until|every|daily|all|so|whenever|unless)\b)",
    "JOBHEAD": r"(?P<job>[\w-]+(?: [\w-]+){0,4}?)",
}

ANY = "*"
"""The value of a claim that names none: `I'm looking for a new job`, `I was laid off`."""

PLACED = frozenset(
    {"slot:residence", "slot:country", "slot:employer", "slot:role", "slot:university", "slot:os"}
)
"""Slots whose values may lie in one another (a district in a city): said in turns, they hold together."""
