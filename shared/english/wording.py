"""The words of a statement: what two statements must share to say the same."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import NamedTuple

from shared.english.words import words_of

_STRIP = " .,;:!?\"“”‘’'«»()[]{}…*_`~<>|—–-/\\"
_ASCII_STRIP = "".join(mark for mark in _STRIP if mark.isascii())
_APOSTROPHES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'"})

_CONTRACTED = {"'m": "am", "'re": "are", "'ve": "have", "'ll": "will", "'d": "would"}
_IRREGULAR = {
    "can't": ("can", "not"),
    "cannot": ("can", "not"),
    "won't": ("will", "not"),
    "it's": ("it", "is"),
    "that's": ("that", "is"),
    "favorite": ("favourite",),
    "favorites": ("favourites",),
}


SUBJECTS = frozenset({"i", "user", "they"})
"""How a statement names the person: their own word, or a model's."""
DROPPED = SUBJECTS | words_of(
    """a an the am is are my really very so much truly definitely absolutely totally completely
    honestly actually basically literally just quite also too oh yes yeah hey now currently
    nowadays presently personally please indeed certainly"""
)
"""Words that do not change what a statement says: articles, the person, present tense, emphasis."""
_THIRD_PERSON = DROPPED | {"their", "them", "theirs", "do", "does"}
"""Dropped as well where a model says 'they' or 'the user' for the person."""
MEANINGFUL = words_of(
    """not no never nor none neither without hardly barely rarely seldom almost nearly only except
    unless until to from in at on of for with by before after against over under between than as
    like about into off out was were been be had did used will would could should might may can
    must want wants wanted plan plans hope if or but and both either his her hers their theirs its
    your yours our ours he she it we you someone ex former late old new first last next second
    half fake step sometimes often usually always again still stopped quit gave up anymore longer
    former once already yet"""
)
"""Words whose presence alone changes what a statement says; near-duplicates agree in them exactly."""


class Wording(NamedTuple):
    """A statement's content words in order, and which of them may be missing from a near-duplicate."""

    content: tuple[str, ...]
    optional: tuple[int, ...]
    """Positions of words that are no number, name, negation or function word."""


def tokens(statement: str) -> list[str]:
    """The words of a statement as written, without the punctuation around them. `C++` stays whole."""
    if statement.isascii():
        return [word for raw in statement.split() if (word := raw.strip(_ASCII_STRIP))]
    statement = unicodedata.normalize("NFC", statement).translate(_APOSTROPHES)
    return [word for raw in statement.split() if (word := raw.strip(_STRIP)) and not _is_symbol(word)]


def _is_symbol(word: str) -> bool:
    return not any(map(str.isalnum, word))


def expand(word: str) -> tuple[str, ...]:
    """A lower-case word without contraction: `don't` is `do not`."""
    if "'" not in word:
        return _IRREGULAR.get(word) or (word,)
    known = _IRREGULAR.get(word)
    if known:
        return known
    if word.endswith("n't"):
        return word[:-3], "not"
    at = word.rindex("'")
    tail = _CONTRACTED.get(word[at:])
    return (word[:at], tail) if tail and at else (word,)


def wording(statement: str) -> Wording:
    """What `statement` says, comparable: equal contents say the same."""
    words = tokens(statement)
    shouted = statement.isupper()
    content: list[str] = []
    optional: list[int] = []
    dropped = _THIRD_PERSON if _is_third_person(words) else DROPPED
    for position, word in enumerate(words):
        lower = word.casefold()
        if lower in dropped:
            continue
        if "'" in lower or lower in _IRREGULAR:
            content += [part for part in expand(lower) if part not in dropped]
            continue
        if position and lower not in MEANINGFUL and lower.isalpha() and (shouted or not word[0].isupper()):
            optional.append(len(content))
        content.append(lower)
    if not content:
        return Wording(tuple(word.casefold() for word in words) or (statement.casefold(),), ())
    return Wording(tuple(content), tuple(optional))


def _is_third_person(words: list[str]) -> bool:
    if not words:
        return False
    first = words[0].casefold()
    return first in ("they", "user", "their") or (
        first == "the" and len(words) > 1 and words[1].casefold().startswith("user")
    )


@lru_cache(maxsize=1024)  # the common words; names and numbers would only fill it
def stem(word: str) -> str:
    """A rough English stem: enough that `hiking`, `hike` and `hikes` meet."""
    for suffix in ("ing", "ed", "es", "s"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and not word.endswith("ss"):
            word = word[: -len(suffix)]
            break
    if len(word) > 3 and word[-1] == "e":
        word = word[:-1]
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls":
        word = word[:-1]
    return word


_GENERIC = words_of(
    """love like enjoy hate prefer think believe know feel make made take get got give going want
    need use using work live called named name thing things something time year years day days
    always never every since because favourite really around people person good great best better
    more most many some other that this there where when what which while about with from into
    have been being would could should decided decide"""
)
_STEM_CHARS = 24
_COLOURING = ("ly", "ful", "ous", "ive", "able", "ible", "less", "ic")
"""Endings of words that colour a statement and may be missing when it is said again."""


def distinctive_stems(words: list[str]) -> tuple[str, ...]:
    """The two longest telling stems of a statement, in alphabetical order; numbers only for want of words.

    Words that colour a statement come last, because a near-duplicate mostly differs in one of them.
    """
    stems: set[str] = set()
    spare: set[str] = set()
    for word in words:
        lower = word.casefold()
        if lower in DROPPED or lower in MEANINGFUL or lower in _GENERIC:
            continue
        telling = lower.isalpha() and not lower.endswith(_COLOURING)
        (stems if telling else spare).add(stem(lower)[:_STEM_CHARS])
    if not stems:
        stems = spare or {stem(word.casefold())[:_STEM_CHARS] for word in words[:2]}
    longest = sorted(stems, key=lambda s: (-len(s), s))[:2]
    return tuple(sorted(longest))
