"""Where in a message invention begins: role-play, stories, games."""

from __future__ import annotations

import re

from shared.english.spotting import found_near, sentence_begin

_FICTION = (
    r"story|stories|poem|song|dialogue|monologue|screenplay|tale|lyrics|rap|haiku|limerick|sketch|scene"
    r"|fan ?fic\w*|diary entry|bio|dating profile|joke|skit|sonnet|ballad|novel chapter|obituary"
)
_ADVISER = (
    r"(?:[\w-]+ ){0,3}(?:advis[eo]r|coach|consultant|dieti[ct]ian|editor|expert|mentor|nutritionist|planner"
    r"|proofreader|trainer|translator|tutor)"
)
"""Whose part the assistant plays while the person stays who they are."""
_READ = r"(?:that )?(?:i|we)(?:'m|'ve|'re| am| have| are)? (?:been )?(?:read(?:ing)?|finished)"
"""Behind a novel that is somebody else's."""
_ROLE_PLAY = re.compile(
    rf"(?<!\w)(?:act(?:ing)? (?:as|like)(?! (?:my|an? {_ADVISER})\b)|pretend|role-?play|behave as"
    r"|take on the role|(?:you are|you're) (?:now |going to be )?(?:a|an|my|the)"
    r"(?! (?:star|life ?saver|genius|legend|great|gem|angel|hero|champ|pro|wizard|big|huge|real|best|only one"
    rf"|lifesaver|{_ADVISER})\b)\b"
    r"|(?:in|for) (?:this|the|my) (?:scenario|game|story|novel|campaign|scene)\b"
    rf"(?! {_READ}\b)|text adventure|(?:my|the|our) (?:[\w&]+ )?character\b|monologue"
    r"|fake (?:profile|bio|identity)|(?:in the )?first[- ]person"
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
    found = found_near(_ROLE_PLAY, text, _ROLE_HINTS)
    return None if found is None else sentence_begin(text, found.start())


def opens_role_play(folded: str) -> bool:
    """True if what the person says later in this conversation is part of a game, too."""
    return found_near(_PERSISTENT, folded, _PERSISTENT_HINTS) is not None
