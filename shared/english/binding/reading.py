"""A text as it is compared: its words, numbers and links, each once, however it is written."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from shared.domain.markdown import visible
from shared.english.binding.vocabulary import ALIKE, FRAME, GLUE, MONTHS, NUMBERS
from shared.english.common_words import TELLING
from shared.english.normalise import normalise
from shared.english.wording import expand, stem

_LINK = re.compile(
    r"(?:(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{0,20}://|www\.|mailto:)\S+|(?<![\w.+-])[\w.+-]{1,64}@[\w.-]{1,255}"
    r"|(?<!\w)@[\w.]{2,64}|(?<![\w.-])(?:[\w-]{2,63}\.){1,8}[a-z]{2,24}(?![\w-])(?:[/:?#]\S*)?",
)
_WORD = re.compile(r"[^\W_]+(?:['.&+#][^\W_]+)*[+#]*")
_UNIT = re.compile(r"(\d+)(?:am|pm|st|nd|rd|th|yo|h|ft|in|lbs?|miles?|kg|g|km|cm|mm|m|k|s)")
_DIGITS = re.compile(r"\d+")
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
"""Runs of scripts that put no spaces between words."""
_GROUPS: dict[str, int] = {}
for _number, _words in enumerate(ALIKE):
    for _word in sorted(_words):
        _GROUPS.setdefault(stem(_word), _number)
LEAST_STEM, MOST_ENDING = 5, 4
"""Letters that two forms of a word share at least, and by which they differ at most."""


@dataclass(slots=True)
class Reading:
    """What a text holds."""

    text: str
    """Normalised, without what a reader does not see."""
    words: list[str] = field(default_factory=list)
    """In their order, in lower case, without numbers and links; contractions are spelled out."""
    capital: set[str] = field(default_factory=set)
    """Those that are written with a capital anywhere but at the beginning."""
    numbers: set[int] = field(default_factory=set)
    spelt: set[int] = field(default_factory=set)
    """Those of them that are written as words."""
    decimals: set[str] = field(default_factory=set)
    signs: set[str] = field(default_factory=set)
    """Symbols that say something by themselves: emoji."""
    links: set[str] = field(default_factory=set)
    unspaced: list[str] = field(default_factory=list)
    _stems: set[str] | None = None
    _groups: set[int] | None = None
    _joined: set[str] | None = None
    _compact: str | None = None

    @property
    def content(self) -> list[str]:
        """The words that say something."""
        return [word for word in dict.fromkeys(self.words) if word not in GLUE]

    @property
    def stems(self) -> set[str]:
        """Their stems, for comparing."""
        if self._stems is None:
            self._stems = {stem(word) for word in self.words} | set(self.words)
        return self._stems

    @property
    def groups(self) -> set[int]:
        """The groups of words that are put for one another, of which some stand here."""
        if self._groups is None:
            self._groups = {_GROUPS[each] for each in self.stems if each in _GROUPS}
        return self._groups

    @property
    def joined(self) -> set[str]:
        """Two words, or three, that stand in a row, written as one."""
        if self._joined is None:
            words = self.words
            self._joined = {one + two for one, two in pairwise(words)}
            self._joined |= {"".join(words[at : at + 3]) for at in range(len(words) - 2)}
        return self._joined

    @property
    def compact(self) -> str:
        """The text without what parts its words."""
        if self._compact is None:
            self._compact = "".join(filter(str.isalnum, self.text))
        return self._compact

    @property
    def foreign(self) -> bool:
        """Whether it is evidently not English: hardly a word of it is one that English sentences are made
        of."""
        words = self.words
        known = sum(word in GLUE or word in FRAME or word in TELLING for word in words)
        return bool(words) and known * 4 < len(words)

    def holds(self, word: str, *, foreign: bool = False) -> bool:
        """Whether the word stands here, in some form of it or as one that is put for it."""
        root = stem(word)
        if word in self.stems or root in self.stems:
            return True
        group = _GROUPS.get(root)
        if group is not None and group in self.groups:
            return True
        if word in NUMBERS and NUMBERS[word] in self.numbers:
            return True
        if len(word) > LEAST_STEM and word in self.joined:
            return True
        least = LEAST_STEM - foreign
        return len(word) >= least and any(
            each[:least] == word[:least] and _alike(word, each, least) for each in self.stems
        )

    def holds_unspaced(self, run: str) -> bool:
        """Whether a run of a script without spaces stands here, but for its particles."""
        compact = self.compact
        if run in compact:
            return True
        covered = [False] * len(run)
        for at in range(len(run) - 1):
            if run[at : at + 2] in compact:
                covered[at] = covered[at + 1] = True
        missing = "".join("." if seen else "x" for seen in covered)
        return "xxx" not in missing and missing.count("x") * 5 <= 2 * len(run)


def _alike(word: str, other: str, least: int) -> bool:
    shared = least
    most = min(len(word), len(other))
    while shared < most and word[shared] == other[shared]:
        shared += 1
    ending = MOST_ENDING if least == LEAST_STEM else MOST_ENDING - 1
    return max(len(word), len(other)) - shared <= ending


@lru_cache(maxsize=512)
def read(text: str) -> Reading:
    """`text`, taken apart."""
    seen = unicodedata.normalize("NFKC", visible(text))
    reading = Reading(normalise(seen))
    reading.signs.update(sign for sign in seen if not sign.isascii() and unicodedata.category(sign) == "So")
    rest = _LINK.sub(lambda found: _link(found, reading), reading.text)
    lower = {word for word in _WORD.findall(seen) if word[:1].islower()}
    first = True
    for found in _WORD.finditer(rest):
        for word in filter(None, expand(found.group())):
            _take(word, reading)
    for found in _WORD.finditer(seen):
        word = found.group()
        if not first and word[0].isupper() and word not in lower and word != "I":
            reading.capital.add(word.casefold())
        first = False
    return reading


def _link(found: re.Match[str], reading: Reading) -> str:
    link = found.group().rstrip(".,;:!?)'\"")
    reading.links.add(link.removeprefix("https://").removeprefix("http://").removeprefix("www.").rstrip("/"))
    return " "


def _take(word: str, reading: Reading) -> None:
    if word.isdigit():
        reading.numbers.add(int(word[:18]) if word.isdecimal() else 0)
        return
    if word[0].isdigit() and (unit := _UNIT.fullmatch(word)):
        reading.numbers.add(int(unit[1][:18]))
        return
    if word.replace(".", "").isdecimal():
        reading.decimals.add(word)
        return
    if not word.isascii() and UNSPACED.search(word):
        reading.unspaced += UNSPACED.findall(word)
        word = UNSPACED.sub("", word)
        if not word:
            return
    for names in (MONTHS, NUMBERS):
        if word in names:
            reading.numbers.add(names[word])
            reading.spelt.add(names[word])
    reading.words.append(word.removesuffix("'s").replace("'", ""))
