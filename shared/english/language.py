"""Which conversations are evidently not English, and in which language they are.

English is known by its own common words. Only where there are too few of them a detector is asked, Google's
CLD3: it knows a hundred languages, but takes most short English lines for one of the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from shared.english.common_words import SHARED, TELLING

if TYPE_CHECKING:
    from gcld3 import NNetLanguageIdentifier

ENGLISH = "en"
UNKNOWN = "und"
"""The code of a language that is not known (BCP 47)."""
MESSAGE_CHARS = 300
"""How much of a message is looked at: what a person asks mostly stands before what they pasted."""
SAMPLE_CHARS = 1000
"""How much of a conversation is looked at."""

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_LATIN_END = 0x250
"""First code point after Latin Extended-B; letters above it are of another script, but for those of
_LATIN_ADDITIONAL, which Vietnamese has."""
_LATIN_ADDITIONAL = range(0x1E00, 0x1F00)
_FEWEST = 4
"""Texts of fewer words say nothing about their language unless the script does."""
_FEW = 5
"""Plain ASCII texts of fewer words say little."""
_ENGLISH_SHARE = 0.2
"""Share of English words from which on a text is English."""
_SOME_ENGLISH = 0.16
"""Share from which on another language must be more probable."""
_SHARED_SHARE = 0.34
"""Share of words that other languages have too from which on a text without any telling word is English."""
_SHORT = 2
"""Letters of words that are all there is of English in many texts of other languages: "a", "is"."""
_LETTERS = 0.75
"""Code and sums have fewer letters among their characters."""
_CAPITALS = 0.6
"""Lists of names and titles have more words that begin with a capital."""
_SURE, _SURER = 0.5, 0.9
"""How probable another language must be: in texts with hardly an English word, and in others."""
_DETECTED_BYTES = 1000


def conversation_language(texts: Iterable[str]) -> str:
    """The language of a conversation by what the person says in it, message by message; as `language_of`.

    What they pasted in another language does not outweigh as many messages in English.
    """
    said, room = [], SAMPLE_CHARS
    for text in texts:
        if room <= 0:
            break
        said.append(text[: min(MESSAGE_CHARS, room)])
        room -= len(said[-1])
    language = language_of("\n".join(said))
    if language == ENGLISH or len(said) == 1:
        return language
    wordy = [words for text in said if len(words := _words(text)) >= _FEWEST]
    english = sum(map(_is_english_prose, wordy))
    return ENGLISH if english * 2 >= len(wordy) > 0 else language


def is_english(text: str) -> bool:
    """False only if `text` is evidently in another language."""
    return language_of(text) == ENGLISH


def language_of(text: str) -> str:
    """The language (BCP 47, as CLD3 names it) of a text that is evidently not English, UNKNOWN if it has none
    that is known; ENGLISH for English and for what is too short or unclear to tell."""
    if not text.isascii() and _is_other_script(text):
        detected = _detect(text)[0]
        return UNKNOWN if detected == ENGLISH else detected
    written = text.lower().split()
    if sum(map(TELLING.__contains__, written)) >= max(1, _ENGLISH_SHARE * len(written)):
        return ENGLISH  # most conversations: no need to take the words out of their punctuation
    words = _words(text)
    if len(words) < _FEWEST or _is_english_prose(words) or _is_no_prose(text):
        return ENGLISH
    language, probability = _detect(text)
    few = len(words) < _FEW and text.isascii()
    least = _SURER if few or _english_share(words) >= _SOME_ENGLISH else _SURE
    return language if probability >= least else ENGLISH


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("’", "'"))


def _is_english_prose(words: Sequence[str]) -> bool:
    share = _english_share(words)
    if not TELLING.isdisjoint(words):
        return share >= _ENGLISH_SHARE
    if share < _SHARED_SHARE / 2:
        return False
    return all(map(str.isascii, words)) or any(len(word) > _SHORT for word in words if word in SHARED)


def _english_share(words: Sequence[str]) -> float:
    """Share of English words; one that other languages have too counts half."""
    telling = sum(map(TELLING.__contains__, words))
    return (telling + sum(map(SHARED.__contains__, words)) / 2) / len(words)


def _is_no_prose(text: str) -> bool:
    """Code, sums, and lists of names: of no language."""
    if sum(map(str.isalpha, text)) < _LETTERS * sum(map(len, text.split())):
        return True
    words: list[str] = _WORD.findall(text)
    return sum(word[0].isupper() for word in words) >= _CAPITALS * len(words)


def _is_other_script(text: str) -> bool:
    letters = "".join(filter(str.isalpha, text))
    other = sum(ord(letter) >= _LATIN_END and ord(letter) not in _LATIN_ADDITIONAL for letter in letters)
    return other * 2 > len(letters)


def _detect(text: str) -> tuple[str, float]:
    """What CLD3 takes a text for, and how probable it finds that."""
    found = _detector().FindLanguage(text.encode(errors="replace").decode())
    return found.language, found.probability


@cache
def _detector() -> NNetLanguageIdentifier:
    from gcld3 import NNetLanguageIdentifier  # 3 MB, which a history in English seldom needs

    return NNetLanguageIdentifier(0, _DETECTED_BYTES)
