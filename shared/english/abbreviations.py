"""Whether a full stop ends a sentence or an abbreviation, judged by what follows it.

A wrong "no end" loses what follows, since rules look at beginnings; so before a new "I ..." nearly every stop
is an end. People chat in small letters: a capital after the stop tells something only where there is one.
"""

from __future__ import annotations

import re

from shared.english.words import words_of

_LONGEST = 8
"""Characters of the longest abbreviation, with a bracket or a quotation mark before it."""
_SUBJECT = re.compile(
    r"[\s\x00\"'(*_]+(?:(?:i'?m|i'?ve|i'd|i'll|my|we|we're|we've|our|he|she|they|it's|there's|you|your|please"
    r"|can you|could you)(?![\w'])|i(?= ))"
)
"""What begins a new sentence, in either case of letters."""
_CAPITAL = re.compile(r"[\s\"'“‘(*_]+[A-Z]")
_NUMBER = re.compile(r"\s+#?\d")
_CALENDAR = re.compile(
    r"\s+(?:mon|tues|wednes|thurs|fri|satur|sun)day|\s+(?:[ecmp][sd]t|cet|gmt|utc|bst)\b"
    r"|\s+(?:jan|febr)uary|\s+(?:march|april|may|june|july|august)\b|\s+(?:septem|octo|novem|decem)ber"
)
"""What goes on after a time of day, with a capital."""

_NEVER = words_of("e.g eg i.e vs cf approx")
"""Something always follows."""
_BEFORE_NUMBERS = words_of("no nos nr vol fig pp ch sec jan feb mar apr jun jul aug sep sept oct nov dec")
"""Only before a number; else a word of its own, or unclear."""
_BEFORE_NAMES = words_of(
    "mr mrs ms mx dr prof st mt ft gen capt cpt lt col sgt sen rep gov rev hon pres messrs"
)
"""Titles. As for the first letter of a name, what follows goes on unless it is a new "I ...", "He ..."."""
_AFTER_NAMES = words_of(
    "etc inc ltd co corp bros llc jr sr dept univ ave blvd rd yr yrs mos wk wks hr hrs lb lbs oz tel ext "
    "ph.d b.sc bsc m.sc msc a.m p.m"
)
"""They may end a sentence: they do where a capital follows."""
_INITIALS = re.compile(r"(?!a\.m|p\.m)[a-z](?:\.[a-z])+$")
"""`u.s`: a capital may go on with the name (`U.S. Army`)."""


def is_abbreviation(low: str, original: str, start: int, stop: int) -> bool:
    """True if the full stop at `stop` belongs to a word of the sentence that begins at `start` and goes on.

    `low` is the folded text of `original`, character for character.
    """
    begin = max(start, low.rfind(" ", start, stop) + 1)
    if not 0 < stop - begin <= _LONGEST:
        return False
    word = low[begin:stop].lstrip("\n\t\x00(\"'*_-")
    if word in _NEVER:
        return True
    if word in _BEFORE_NUMBERS:
        return _NUMBER.match(low, stop + 1) is not None
    names = word in _BEFORE_NAMES or (len(word) == 1 and word.isalpha())
    initials = _INITIALS.match(word) is not None
    if not names and not initials and word not in _AFTER_NAMES:
        return False
    if stop + 1 >= len(low) or low[stop + 1] == "\n" or _SUBJECT.match(low, stop + 1):
        return False
    if names or initials or _CALENDAR.match(low, stop + 1):
        return True
    return _CAPITAL.match(original, stop + 1) is None
