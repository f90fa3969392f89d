"""Where in a message invention begins: role-play, stories, games."""

from __future__ import annotations

import re

from shared.english.spotting import LOOK_BACK, hints

_FICTION = (
    r"story|stories|poem|song|dialogue|monologue|screenplay|tale|lyrics|rap|haiku|limerick|sketch|scene"
    r"|fan ?fic\w*|diary entry|bio|dating profile|joke|skit|sonnet|ballad|novel chapter|obituary"
)
_ROLE_PLAY = re.compile(
    r"(?<!\w)(?:act(?:ing)? (?:as|like)|pretend|role-?play|behave as|take on the role|(?:you are"
    r"|you're) (?:now |going to be )?(?:a|an|my|the)(?! (?:star|life ?saver|genius|legend|great|gem|angel"
    r"|hero|champ|pro|wizard|big|huge|real|best|only one|lifesaver))\b|(?:in|for) (?:this|the"
    r"|my) (?:scenario|game|story|novel|campaign|scene)\b|text adventure|(?:my|the"
    r"|our) (?:[\w&]+ )?character\b|monologue|fake (?:profile|bio|identity)|(?:in the )?first[- ]person"
    r"|from the (?:view|viewpoint|perspective|point of view|pov) of|dungeon master|"
    rf"(?:write|generate|compose|create|make up|tell|finish|draft)(?: me| us)? (?:a|an|the|some"
    rf"|my) (?:[\w-]+ ){{0,3}}(?:{_FICTION}))"
)
_ROLE_HINTS = (
    "act as", "act like", "acting", "pretend", "role", "behave", "you are ", "you're ", "scenario", "game",
    "story", "novel", "campaign", "scene", "adventure", "character", "monologue", "fake ", "first",
    "from the ", "dungeon", "write ", "generate ", "compose ", "create ", "make up ", "tell ", "finish ",
    "draft ",
)  # fmt: skip
_PERSISTENT = re.compile(
    r"(?<!\w)(?:let's (?:role-?play|pretend|play)|role-?play|text adventure|dungeon master|pretend)(?!\w)"
)

_PERSISTENT_HINTS = ("let's play", "role", "adventure", "dungeon", "pretend")


def is_role_play(text: str) -> int | None:
    """Where invention begins: "act as ...", "you are a ...", "write a story ...": from its sentence to the
    end.
    """
    found = _ROLE_PLAY.search(text) if hints(text, _ROLE_HINTS) else None
    if found is None:
        return None
    begin = max(0, found.start() - LOOK_BACK)
    head = text[begin : found.start()]
    return begin + max(map(head.rfind, ".?!\n")) + 1


def opens_role_play(folded: str) -> bool:
    """True if what the person says later in this conversation is part of a game, too."""
    return hints(folded, _PERSISTENT_HINTS) and _PERSISTENT.search(folded) is not None
