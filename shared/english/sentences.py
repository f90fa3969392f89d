"""Cuts own words into sentences, and a sentence into the clauses that rules look at.

A rule only ever sees the beginning of a clause, after greetings and fillers. So "I live in Lisbon, can you
suggest a gym?" yields the clause "I live in Lisbon", while the "I live" of "she thinks that I live in a
castle" begins nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from shared.english.abbreviations import is_abbreviation
from shared.english.joints import CUT_LEAD, JOINT, KEEP_LEAD, belongs
from shared.english.plain import plain

_SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]++[)\]\"*_]*+(?=[\s\x00]|$)|\n|[.!?](?<=[a-z]{2}.)(?=[a-z])")
"""A run of marks is looked at once, from its beginning, and nothing of it is given back."""
_NO_SPACE = re.compile(r"[a-z]{2}[.!?][A-Z][a-z']* ")
"""A sentence's end that lost its space: `in Leeds.I like`."""

MOST_CHARS = 600
"""Characters of a clause that rules look at: the beginning of a run-on text tells what it is."""
NEARBY = 300
"""Characters before and after a clause that may tell it is no fact. Bounded, so that endless sentences stay
cheap."""
_QUESTION = re.compile(
    r",\s+(?=(?:which|what|how|where|who|when|why|is|are|am|do|does|did|can|could|should|would|will"
    r"|any)(?![\w']))"
)
"""Where the question begins that a sentence ends with."""
_MOST_CLAUSES = 50
"""Clauses of one sentence that are looked at; nobody speaks in more."""
_WORD = re.compile(r"[a-z]+")
_MARK = 4
"""Characters after a sentence's end that may belong to it: " /s"."""


@dataclass(slots=True)
class Sentence:
    """One sentence of own words: `low[start:end]`, its end mark at `end`."""

    original: str
    """The message as the person wrote it."""
    low: str
    """Its own words, folded, the rest blanked out."""
    start: int
    end: int
    asks: bool
    """True if it ends with a question mark."""
    _words: frozenset[str] | None = field(default=None, init=False, repr=False, compare=False)

    def may_say(self, words: frozenset[str]) -> bool:
        """False if none of these words of plain letters stands in it, as is quickly seen: a search for what
        begins with them finds nothing, either. A sentence of which only a part is searched may say all."""
        if self.end - self.start > NEARBY:
            return True
        if self._words is None:
            self._words = frozenset(_WORD.findall(self.low, self.start, self.end))
        return not words.isdisjoint(self._words)


@dataclass(slots=True)
class Clause:
    """A piece of a sentence that a rule may match."""

    sentence: Sentence
    start: int
    """Where the statement would begin in the message."""
    end: int
    body: int
    """Where it begins without its time or place ("In 2019, ..."): there the rules look."""
    joint: str
    """The word that joins it to the clause before: "and", "but", ...; "" for none."""
    last: bool
    """True for the last clause of its sentence."""
    _plain: str = field(default="", init=False, repr=False, compare=False)

    @property
    def plain(self) -> str:
        """Its body in the form that rules match (`shared.english.plain`)."""
        if not self._plain:
            self._plain = plain(self.sentence.low[self.body : min(self.end, self.body + MOST_CHARS)])
        return self._plain

    @property
    def text(self) -> str:
        """The clause in folded text."""
        return self.sentence.low[self.start : self.end]

    @property
    def before(self) -> str:
        """What stands before the clause's body in its sentence."""
        return self.sentence.low[max(self.sentence.start, self.body - NEARBY) : self.body]

    @property
    def around(self) -> str:
        """Its sentence, as far as it is near."""
        low, sentence = self.sentence.low, self.sentence
        return low[max(sentence.start, self.start - NEARBY) : min(sentence.end + _MARK, self.end + NEARBY)]


def split_sentences(original: str, low: str) -> Iterator[Sentence]:
    """The sentences of `low`, the own words (`regions.own_words`) of the message `original`, in order."""
    start = 0
    for mark in _SENTENCE_END.finditer(low):
        stop, after = mark.span()
        marks = mark[0]
        if marks != "\n" and low[after : after + 1].isalpha():
            if _NO_SPACE.match(original, stop - 2) is None:
                continue
        elif marks == "." and is_abbreviation(low, original, start, stop):
            continue
        if stop > start:
            yield Sentence(original, low, start, stop, "?" in marks)
        start = after
    if start < len(low):
        yield Sentence(original, low, start, len(low), asks=False)


def split_clauses(sentence: Sentence) -> list[Clause]:
    """The clauses of a sentence, each without the greetings and fillers it begins with."""
    low = sentence.low
    clauses: list[Clause] = []
    start, word = sentence.start, ""
    for joint in JOINT.finditer(low, sentence.start, sentence.end):
        if belongs(sentence.original, low, start, joint):
            continue
        _add(clauses, sentence, start, joint.start(), word)
        if len(clauses) == _MOST_CLAUSES:
            return clauses
        start, word = joint.end(), joint["word"] or ""
    if sentence.asks and (question := _QUESTION.search(low, start, sentence.end)) is not None:
        _add(clauses, sentence, start, question.start(), word)
        start, word = question.end(), ""
    _add(clauses, sentence, start, sentence.end, word)
    if clauses:
        clauses[-1].last = True
    return clauses


def _add(clauses: list[Clause], sentence: Sentence, start: int, end: int, joint: str) -> None:
    low = sentence.low
    cut = CUT_LEAD.match(low, start, end)
    start = cut.end() if cut is not None else start
    kept = KEEP_LEAD.match(low, start, end)
    body = kept.end() if kept is not None else start
    words = low[body:end].rstrip()
    if words:
        clauses.append(Clause(sentence, start, body + len(words), body, joint, last=False))
