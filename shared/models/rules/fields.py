"""Headings and fields of custom instructions, which people write as a form: `Role: Software Engineer`."""

from __future__ import annotations

import re
from typing import NamedTuple

from shared.english.own_labels import FIELDS_OF_MANY, FIELDS_OF_ONE
from shared.english.words import pairs_of, words_of

_HEADING = re.compile(r"[ \t]*+(?:#{1,6}[ \t]|(?:\*\*|__)[^*_\n]++(?:\*\*|__)[ \t]*+:?[ \t]*+(?=\n|$))")
_BULLET = re.compile(r"[ \t]*(?:[-*•–—]|\d{1,2}[.)])[ \t]")
_MARKS = " \t*_#:-"
_MOST_WORDS = 5
"""Words of a heading without marks at most."""
_WISHES = words_of(
    "i i'm im my we our no not never always don't dont do use be avoid keep give show write answer respond "
    "reply call speak explain ask tell please prefer only skip stop add include cite short brief"
)
"""What a line in title case begins with that is no heading but a wish or a fact."""
_TOPICS = pairs_of(
    "about me, about you, about myself, about, more about me, a bit about me, other information, other "
    "info, additional information, additional info, additional context, background, my background, "
    "context, personal information, personal info, information, info, profile, my profile, bio, details, "
    "facts about me, notes, note, work, family, health, response style, response format, response "
    "preferences, how to respond, how to answer, instructions, custom instructions, rules, guidelines, "
    "preferences, my preferences, style, formatting, other, misc, important"
)
"""Headings that say nothing, as lines of their own and before a colon."""
_FIELD = re.compile(r"[ \t*_•–—-]*(?P<name>[a-z][a-z ]{1,24}?)[*_]*[ \t]*:[*_]*[ \t]+(?=\S)")


def is_heading(low: str, original: str, start: int, end: int) -> bool:
    """True if `low[start:end]`, folded text of `original`, is a heading: a whole line that says what the next
    lines are about."""
    begin = start
    while begin and low[begin - 1] in _MARKS:
        begin -= 1
    stop = end
    while stop < len(low) and low[stop] in _MARKS:
        stop += 1
    # Not by looking for the line's ends: that would be the whole line for each of its sentences.
    if (begin and low[begin - 1] != "\n") or (stop < len(low) and low[stop] != "\n"):
        return False
    line = original[begin:stop]
    if _HEADING.match(line) or line.strip(_MARKS).lower() in _TOPICS:
        return True
    if not _is_titled(line):
        return False
    following = _line_after(original, stop)
    if not following.strip():
        return False
    return not following.isupper() if line.isupper() else not _is_titled(following)


def _line_after(text: str, at: int) -> str:
    """The first line behind `at` that is not empty."""
    while text.startswith("\n", at):
        at += 1
    end = text.find("\n", at)
    return text[at : len(text) if end < 0 else end]


def _is_titled(line: str) -> bool:
    words = line.strip(_MARKS).split()
    if not 1 < len(words) <= _MOST_WORDS or _BULLET.match(line) or words[0].lower() in _WISHES:
        return False
    if not all(word.replace("&", "and").replace("/", "").isalpha() for word in words):
        return False
    return all(word[0].isupper() for word in words if len(word) > 3) and words[0][0].isupper()


def topic_end(low: str, start: int, end: int) -> int:
    """Where what is said begins after a topic and its colon ("Other information: ..."); else `start`."""
    found = _FIELD.match(low, start, end)
    return found.end() if found is not None and found["name"] in _TOPICS else start


class Field(NamedTuple):
    """A label with its value, as a sentence of the person."""

    beginning: str
    """What the sentence begins with."""
    value: int
    """Where in the text the value begins."""


def field_of(low: str, start: int, end: int) -> Field | None:
    """The field, if `low[start:end]` is one that tells something of the person: `role: nurse` is told as
    `My role is nurse`."""
    found = _FIELD.match(low, start, end)
    if found is None:
        return None
    name = found["name"]
    verb = "is" if name in FIELDS_OF_ONE else "are" if name in FIELDS_OF_MANY else ""
    if not verb:
        return None
    return Field(f"My {name} {verb} ", found.end())
