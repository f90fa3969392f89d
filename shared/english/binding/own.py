"""What of a message is the person's own, and where in it a quote stands."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from shared.domain.markdown import visible
from shared.domain.printable import seen
from shared.english.binding.orders import reads_as_order
from shared.english.binding.reading import UNSPACED
from shared.english.excerpts import LEFT_OUT
from shared.english.language import is_english
from shared.english.normalise import normalise
from shared.english.plain import fold
from shared.english.regions import is_fenced, own_words
from shared.english.spotting import BLANK, LOOK_BACK

_SENTENCES = re.compile(r"(?<=[.!?])[ \t]+|\n\s*|(?<=[。！？])")
_NAMED = re.compile(r'(?<=[^\W_] )"([^"\n./@:]{1,40})"')
"""Few words between quotation marks, after words of the same line."""
_WORD = re.compile(r"\w+")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_NOTHING = f" \t\r{BLANK}"
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|im|i've|ive|i'd|i'll|me|my|mine|we|we're|we've|our|us)\b")
_ITEM = re.compile(r"[^\S\n]{0,10}(?:[-*•]|\d{1,2}[.)]) ")
_EDGES = " .,;:!?\"'()[]-*…。，！？、"
LEAST_WORDS = 2
LEAST_LETTERS = 4
LEAST_UNSPACED = 4
"""What a quote has at least, unless it is a whole sentence: words and letters, or signs of a script that puts
no spaces between words."""
FEW_LINES = 2
"""Most lines of a message that is taken for typed as a whole."""
AT_LENGTH = 20
"""Words of a question that nobody puts to a text that they paste."""
ANSWER_WORDS = 4
"""Most words of a sentence that may only answer a question."""


def own_text(text: str) -> str:
    """`text`, without what nobody sees, with all that is not the person's own speech replaced by NUL: pasted,
    quoted, fenced, role play. What they quote within a sentence of theirs, a title or a word, is theirs."""
    text = seen(text).replace(LEFT_OUT, BLANK * len(LEFT_OUT))
    folded = fold(text)
    own = own_words(folded)
    if own == folded:
        return text
    said = [BLANK if mark == BLANK else sign for sign, mark in zip(text, own, strict=True)]
    for found in _NAMED.finditer(folded) if '"' in folded else ():
        begin, end = found.span()
        alone = BLANK not in own[max(0, begin - 1) : begin] + own[end : end + 1] and begin > 0
        if alone and not own[begin:end].strip(BLANK) and not reads_as_order(found[1]):
            said[begin:end] = text[begin:end]
    return "".join(said)


@dataclass(slots=True)
class Place:
    """Where a quote stands."""

    sentence: str
    """All of the sentences that it touches."""
    near: str
    """The same with the sentence before."""
    is_answer: bool
    """Whether the sentence is so short that it may only answer."""
    before: str = ""
    """What of the sentence comes before the quote."""
    first: bool = True
    """Whether it touches the first lines of the message: what is typed to somebody begins with it."""


@dataclass
class OwnWords:
    """One text of the person, looked at once for all quotes from it."""

    text: str
    whole: str = ""
    """The message as it was written, where that is more."""
    _sentences: list[tuple[int, str]] = field(init=False)

    @cached_property
    def normal(self) -> str:
        """The text as quotes are looked for in it: sentence by sentence, without what nobody sees."""
        self._sentences = []
        parts: list[str] = []
        at = 0
        for sentence in _SENTENCES.split(self.text):
            for part in filter(None, map(normalise, map(visible, sentence.split(BLANK)))):
                self._sentences.append((at, part))
                parts.append(part)
                at += len(part) + 1
            if parts and BLANK in sentence:
                parts[-1] += BLANK
                at += 1
        return " ".join(parts)

    @cached_property
    def opening(self) -> str:
        """Where the message begins, as far as it is the person's."""
        whole = seen(self.whole) or self.text
        for start, end in is_fenced(whole):
            whole = whole[:start] + BLANK * (end - start) + whole[end:]
        return self.text[: len(_opening(whole))]

    @cached_property
    def _opens(self) -> int:
        return len(OwnWords(self.opening).normal)

    @cached_property
    def speaks_first(self) -> bool:
        """Whether the person speaks of themselves where the message begins, asks at length, or writes in a
        language not known here."""
        asks = "?" in self.opening and len(self.opening.split()) >= AT_LENGTH
        return asks or self.is_foreign or speaks(self.opening)

    @cached_property
    def is_foreign(self) -> bool:
        """Whether the message begins in a language not known here."""
        return not is_english(self.opening)

    def place(self, quote: str) -> Place | None:
        """Where the quote stands, as words of it and not as parts of words; None if it does not."""
        normal = self.normal
        at = find_words(normal, quote)
        if at < 0:
            return None
        end = at + len(quote)
        touched = [
            index
            for index, (begin, part) in enumerate(self._sentences)
            if begin < end and begin + len(part) > at
        ]
        if not touched:
            return None
        said = [part for _, part in self._sentences]
        sentence = " ".join(said[touched[0] : touched[-1] + 1])
        near = " ".join(said[max(0, touched[0] - 1) : touched[-1] + 1])
        begin = self._sentences[touched[0]][0]
        if at - begin > LOOK_BACK:  # from a whole word on, if there are words
            begin = max(at - LOOK_BACK, normal.find(" ", at - LOOK_BACK, at))
        before = normal[begin:at]
        first = at < self._opens
        return Place(sentence, near, len(_WORD.findall(sentence)) <= ANSWER_WORDS, before, first)


def _opening(text: str) -> str:
    """The first paragraph of a text of many lines, or all of one of few: where somebody says what they
    want."""
    lines = [line for line in text.split("\n") if line.strip(_NOTHING)]
    if len(lines) <= FEW_LINES:
        return text
    paragraph = _BLANK_LINE.search(text, len(text) - len(text.lstrip()))
    opening = text if paragraph is None else text[: paragraph.start()]
    listed = sum(_ITEM.match(line) is not None for line in opening.split("\n"))
    few = opening.count("\n") < FEW_LINES or listed * 2 >= opening.count("\n")
    return opening if few else lines[0]


def speaks(text: str) -> bool:
    """Whether the words are of the person themselves."""
    return _FIRST_PERSON.search(normalise(text)) is not None


def find_words(text: str, quote: str) -> int:
    """Where `quote` begins in `text`, both normalised, cut nowhere within a word; -1 if nowhere."""
    at = text.find(quote) if quote else -1
    while at >= 0:
        end = at + len(quote)
        if not (at and _joined(text[at - 1], quote[0])) and not (
            end < len(text) and _joined(quote[-1], text[end])
        ):
            return at
        at = text.find(quote, at + 1)
    return -1


def _joined(one: str, other: str) -> bool:
    """Whether two signs are of one word. Scripts without spaces show no words."""
    return one.isalnum() and other.isalnum() and not (UNSPACED.match(one) or UNSPACED.match(other))


def is_clause(quote: str, sentence: str) -> bool:
    """Whether the quote, normalised, says something: words, and not a letter that stands in every text."""
    core = quote.strip(_EDGES)
    if not core:
        return False
    if core == sentence.strip(_EDGES):
        return True
    unspaced = sum(map(len, UNSPACED.findall(core)))
    words = _WORD.findall(core)
    letters = sum(map(len, words))
    return unspaced >= LEAST_UNSPACED or (len(words) >= LEAST_WORDS and letters >= LEAST_LETTERS)
