"""Text of which most speaks of something else than the person: pasted, whatever it is.

No list of marks knows the next kind of page. But who tells of themselves says "I", "my", "we" in most of
their sentences, and who asks an assistant does so in the first line or in a question at the end. So of a
message of three lines and more, most of whose other sentences do not, only these are the person's. Questions
and requests among them tell nothing either way.

Not so in languages whose verbs say who speaks, or that have other words for it: there the marks must do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from shared.english.own_labels import LABEL, is_form
from shared.english.words import FIRST_PERSON, words_of

LEAST_LINES = 3
_LINE = re.compile(r"[^\n]+")
_SENTENCE = re.compile(r"[^.!?;\n]+[.!?;]*")
_SELF = re.compile(rf"(?<![\w'])(?:{FIRST_PERSON.replace(' ', '|')})(?!\w)")
_FIELD = re.compile(rf"[\s\-*•]{{0,20}}(?:{LABEL}):")
_LABELLED = re.compile(r"[\s\-*•]{0,20}[a-z][\w' /-]{0,30}:")
_REQUEST = re.compile(r"\b(?:can|could|would|will) you\b")
_OPENING = re.compile(r"(?:please|pls|help|hi|hello|hey|thanks|context)\b")
_ASKS = re.compile(r"(?:please|pls|help|explain|describe|list|give|show|suggest|recommend|write|and what)\b")
_EDGES = " \t-*•>\"'()!."
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH = words_of(
    "the a an of to in is are was and for on with it this that you your not be at by from or as "
    + FIRST_PERSON
)
LEAST_ENGLISH = 0.12
"""Share of these words in an English text, at least."""


def is_of_others(text: str) -> Iterator[tuple[int, int]]:
    """The lines of a folded text that are not the person's."""
    lines = [found for found in _LINE.finditer(text) if any(map(str.isalnum, found.group()))]
    if len(lines) < LEAST_LINES or not _is_english(text):
        return
    first, last = lines[0], lines[-1]
    frame = {first} if _SELF.search(first.group()) or _asks(first.group()) else set()
    if _is_question(last.group()) and _SELF.search(last.group()):
        frame.add(last)
    said = [
        sentence
        for line in lines
        if line not in frame
        for sentence in _SENTENCE.findall(line.group())
        if _WORD.search(sentence) and not _is_put_to_a_reader(sentence)
    ]
    field = _LABELLED if is_form(text) else _FIELD
    of_self = sum((_SELF.search(sentence) or field.match(sentence)) is not None for sentence in said)
    if 2 * of_self < len(said):
        yield from (line.span() for line in lines if line not in frame)


def _asks(line: str) -> bool:
    opening = _OPENING.match(line.lstrip(_EDGES))
    return opening is not None or _is_question(line) or _REQUEST.search(line) is not None


def _is_put_to_a_reader(sentence: str) -> bool:
    """Whether it asks, and tells of nobody."""
    return _is_question(sentence) or _ASKS.match(sentence.lstrip(_EDGES)) is not None


def _is_question(line: str) -> bool:
    return line.rstrip(_EDGES).endswith("?")


def _is_english(text: str) -> bool:
    words = _WORD.findall(text)
    known = sum(map(_ENGLISH.__contains__, words))
    return known >= LEAST_ENGLISH * len(words)
