"""One way of writing a statement for the rules: the person is `I`, no contractions, no fillers."""

from __future__ import annotations

import re
from typing import NamedTuple

from shared.english.wording import expand
from shared.english.words import words_of

_FILLERS = words_of(
    """really actually just currently now still also finally recently basically both honestly already
    definitely absolutely so very much presently nowadays officially happily proudly personally
    always"""
)
_OPENERS = _FILLERS | words_of(
    """yes yeah well so and but also oh hey btw fyi anyway today ok okay update anyhow sadly
    luckily"""
)
_BEGUN = words_of(
    """moved relocated started joined quit left lost got bought sold ran finished completed passed failed
    graduated signed booked went visited retired resigned applied decided gave broke split accepted
    landed"""
)
"""What a note without a subject begins with: `Moved to Leeds in May.`"""
_BEING = words_of(
    """working living based looking training learning studying planning dating engaged married
    pregnant expecting separated divorced widowed single vegan vegetarian unemployed retired moving buying
    saving starting joining interviewing job-hunting not"""
)
"""The same where `I am` is left out: `Based in York.`"""
_COUPLE = re.compile(
    r"^(?:(?:my|the user's|their) (?:wife|husband|partner|girlfriend|boyfriend|fianc\w+|spouse|family) and I"
    r"|(?-i:[A-Z][\w'-]+) and I|(?:I|the user|user|they) and (?:my|their) (?:wife|husband|partner|girlfriend"
    r"|boyfriend|fianc\w+|spouse|family))\b",
    re.IGNORECASE,
)
_NOT_FIRST_PERSON = {
    "the user's": "my",
    "user's": "my",
    "their": "my",
    "our": "my",
}
_OF_I = {"are": "am", "is": "am", "has": "have", "were": "was"}
_SPELLINGS = frozenset({"favorite", "cannot"})
_PLACING = frozenset({"in", "since", "last", "this", "back", "as", "after", "on", "from"})
_MAX_WORDS = 60
"""Slots are told in short statements; longer ones are not searched."""


class Canonical(NamedTuple):
    """A statement rewritten for the rules, and whether it was said of more people than the person."""

    text: str
    plural: bool
    """`We moved to ...`: may be a team or a family."""


def canonical(statement: str) -> Canonical:
    """`statement` as the rules read it. `The user's dog's name is Rex.` is `my dog's name is Rex`."""
    statement = statement.replace("’", "'")
    if " and " in statement:
        statement = _COUPLE.sub("we", statement)
    words = statement.split()
    if not words or len(words) > _MAX_WORDS:
        return Canonical("", False)
    while len(words) > 1 and words[0].rstrip(",:!").casefold() in _OPENERS:
        words = words[1:]
    words = _without_placing(words)
    first = words[0].casefold()
    said = _spelled_out(_in_first_person(first, words))
    if len(said) > 1 and said[0] == "I":
        said[1] = _OF_I.get(said[1], said[1])
    return Canonical(" ".join(said), first == "we" or first.startswith("we'"))


def _in_first_person(first: str, words: list[str]) -> list[str]:
    """`words`, whose first one is `first` in lower case, with the person as `I` and theirs as `my`."""
    if first == "the" and len(words) > 1 and words[1].casefold() in ("user", "user's"):
        return ["my" if words[1].casefold() == "user's" else "I", *words[2:]]
    if first in ("user", "they", "we"):
        return ["I", *words[1:]]
    if first in _NOT_FIRST_PERSON:
        return [_NOT_FIRST_PERSON[first], *words[1:]]
    if "'" in first and first.split("'")[0] in ("they", "we"):
        return [f"I'{first.split(chr(39), 1)[1]}", *words[1:]]
    if first in _BEGUN:
        return ["I", first, *words[1:]]
    if first in _BEING:
        return ["I", "am", first, *words[1:]]
    return words


def _spelled_out(words: list[str]) -> list[str]:
    """`words` without contractions, fillers but in the first place, and the end of the sentence."""
    words[-1] = words[-1].rstrip(" .!?…")
    out: list[str] = []
    for word in words:
        lower = word.lower()
        if lower in _FILLERS and out:
            continue
        if "'" in lower or lower in _SPELLINGS:
            out += _expanded(word)
        else:
            out.append(word)
    return out


def _expanded(word: str) -> list[str]:
    """A word without contraction, its first letters and the punctuation after it kept."""
    bare = word.rstrip(",.!?;:")
    lower = bare.casefold()
    parts = list(expand(lower))
    if parts == [lower]:
        return [word]
    if lower.startswith(parts[0]):
        parts[0] = bare[: len(parts[0])]
    parts[-1] += word[len(bare) :]
    return parts


def _without_placing(words: list[str]) -> list[str]:
    """Without an opening like `In 2021,` or `Last year`, which says when and not what."""
    if words[0].casefold() not in _PLACING:
        return words
    for position in range(2, min(7, len(words) - 1)):
        if words[position].casefold() in ("i", "we", "my", "i'm", "i've", "we've"):
            return words[position:]
    return words
