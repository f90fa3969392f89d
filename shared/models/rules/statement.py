"""Makes the statement and the quote of a fact from the person's clause, without changing what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from shared.english.binding.bound import Ground, why_unbound
from shared.english.binding.vocabulary import NEGATIONS, RELATIVE, WEEKDAYS
from shared.english.plain import fold
from shared.english.words import words_of
from shared.models.rules.forms import forms_of
from shared.models.rules.relative import Told, resolved

QUOTE_CHARS = 300
"""Most characters of a quote and of the words of a statement."""

_SPACE = re.compile(r"\s+")
_SMALL_I = re.compile(r"(?<![\w'’])i(?=(?:['’](?:m|ve|d|ll))?(?![\w'’.]))")
_SMALL_IM = re.compile(r"^im(?= )|^Im(?= )")
_TAIL = re.compile(
    r"(?<![\s,;:(\-–—~*_|])(?:\s(?:lol|ha(?:ha)*h?|hehe(?:he)*|xd|omg|thanks|thank you|btw|by the way|tbh"
    r"|innit|ngl|inshallah|touch wood|thank god|ok|tho|mind|fingers crossed|all good|poor thing"
    r"|weather permitting|no pressure|and yes|and no|and|but|or|because|so that)$|[\s,;:(\-–—~*_|])++$",
    re.IGNORECASE,
)
_LAST_WORDS = words_of(
    "lol xd omg thanks you btw way tbh innit ngl inshallah wood god ok tho mind crossed good thing "
    "permitting pressure "
    "yes no and but or because that"
)
_NO_MARKS = str.maketrans(",.;:!?()\u2019", "        '")
_DAYS = RELATIVE | WEEKDAYS
_CUT_AT = re.compile(r"[,;]\s|\s(?=and\s|but\s|because\s|so\s)")


def quote_of(text: str, start: int, end: int) -> tuple[int, int]:
    """`start`, `end` shrunk to at most QUOTE_CHARS, at the last comma or joint; (start, start) if there is
    none.
    """
    if end - start <= QUOTE_CHARS:
        return start, end
    cuts = [cut.start() for cut in _CUT_AT.finditer(text, start + 20, start + QUOTE_CHARS)]
    return start, cuts[-1] if cuts else start


def trimmed(quote: str) -> str:
    """`quote` without what at its end says nothing: a laugh, thanks, symbols."""
    return _without_tail(_without_ornament(quote.rstrip())) or quote


def statements_of(
    quote: str, said: int | None, near: str = "", *, event: bool, greets: bool = False
) -> Iterator[tuple[str, int | None]]:
    """What `quote` states, said on day `said`, as sentences that stand alone, each with the first day it
    speaks of, where that is told from `said`. Each says no more than the quote, which may follow a greeting,
    and stands in the words `near`."""
    words = statement_of(quote)
    bare = words.rstrip(".")
    forms = forms_of(bare, greets=greets)
    for form in forms:
        told = resolved(form, said, event=event)
        if told.words == bare:
            yield words, None
            continue
        statement = statement_of(told.words)
        if not _may_say_more(near or quote, told) or _is_bound(statement, quote, near, said):
            yield statement, told.since
        elif len(forms) == 1:
            yield words, told.since if form == bare else None


def _may_say_more(near: str, told: Told) -> bool:
    """Whether a statement must be weighed against the words about it. A subject and the calendar's days add
    nothing, unless the words deny something, or tell of no day that is reckoned."""
    words = set(fold(near).translate(_NO_MARKS).split())
    if "n't" in near or not NEGATIONS.isdisjoint(words):
        return True
    return told.since is not None and _DAYS.isdisjoint(words)


def _is_bound(statement: str, quote: str, near: str, said: int | None) -> bool:
    days = () if said is None else (date.fromordinal(said),)
    grounds = [Ground(text, text, days) for text in dict.fromkeys((quote, near or quote))]
    return all(why_unbound(statement, ground) is None for ground in grounds)


def statement_of(quote: str) -> str:
    """`quote` as a sentence: one line, capitalised, the pronoun I in capitals, with a full stop."""
    words = _SPACE.sub(" ", quote).strip()
    words = _without_ornament(words)
    words = _without_tail(words)
    words = _SMALL_IM.sub("I'm", words)
    if "i" in words:
        words = _SMALL_I.sub("I", words)
    if not words:
        return ""
    return words[0].upper() + words[1:] + ("" if words[-1] in ".!?…" else ".")


def _without_tail(words: str) -> str:
    """Without what says nothing at its end; most have no such word, as is quickly seen."""
    if words[-1:].isalnum() and words.isascii():
        last = words[words.rfind(" ") + 1 :].lower()
        if last.isalnum() and last not in _LAST_WORDS and not last.startswith(("ha", "he")):
            return words
    return _TAIL.sub("", words)


def _without_ornament(words: str) -> str:
    """Without trailing emoji and other symbols."""
    while words and not (words[-1].isalnum() or words[-1] in ".!?…)]'\"”’%+#*/"):
        words = words[:-1].rstrip()
    return words
