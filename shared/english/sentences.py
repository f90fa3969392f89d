"""Cuts own words into sentences, and a sentence into the clauses that rules look at.

A rule only ever sees the beginning of a clause, after greetings and fillers. So "I live in Lisbon, can you
suggest a gym?" yields the clause "I live in Lisbon", while the "I live" of "she thinks that I live in a
castle" begins nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from shared.english.abbreviations import is_abbreviation
from shared.english.plain import plain

_SENTENCE_END = re.compile(r"(?<![.!?…])[.!?…]++[)\]\"*_]*+(?=[\s\x00]|$)|\n|[.!?](?<=[a-z]{2}.)(?=[a-z])")
"""A run of marks is looked at once, from its beginning, and nothing of it is given back."""
_NO_SPACE = re.compile(r"[a-z]{2}[.!?][A-Z][a-z']* ")
"""A sentence's end that lost its space: `in Leeds.I like`."""
_SUBJECT = r"(?:i|i'm|im|i've|ive|i'd|i'll|my|we|we're|we've|we'd|our)(?![\w'])"
_ASK = (
    r"(?:(?:can|could|would|will) (?:you|i|we|u)|should (?:i|we)|do (?:i|you|we)|is (?:it|there|this|that"
    r"|my)|are (?:there|you)|how(?:'s| |$)|what(?:'s|s)? |where (?:can|do|should|is|are)|which |who (?:can"
    r"|should|is)|why (?:do|is|are|does)|when (?:should|can|do|is)|does (?:it|this|that)"
    r"|any (?:\w+ )?(?:ideas|tips|advice|suggestions?|recommendations?|recs|thoughts|chance|good)|please"
    r"|pls|plz|help me|give me|suggest|recommend|tell me|write (?:me )?|show me|plan (?:me|my|a)|explain"
    r"|need (?:help|some|a|ideas)|looking for|thoughts\?|(?:[\w-]+ ){0,2}(?:ideas|tips|advice|suggestions"
    r"|recommendations)\b|help\b)"
)
_JOINT = re.compile(
    r"[\s,;:–—()](?:(?<=[;–—])\s*|(?<=\s)-+\s+|(?<=:)\s+"
    rf"|(?<=\()\s*(?={_SUBJECT})|(?<=\))\s+(?={_SUBJECT})|(?<=,)\s+(?={_SUBJECT}|{_ASK})"
    r"|(?:(?<=\s)|(?<=,)\s+)(?P<word>and|but|so|also|plus|while|whereas|because|since|although|though|cause"
    r"|cuz|yet|or|then)\s+"
    rf"(?!i (?:are|were)\b)(?=(?:also |now |actually |honestly )?(?:{_SUBJECT}|{_ASK}|want to know|need to"
    rf"|would like to|was wondering))"
    r"|(?<=\s)(?=(?:(?:can|could) (?:you|i|we)\b|how (?:do|can|should|would|to|much|long|many)\b"
    r"|what (?:should|can|do|are|would)\b|where (?:can|do|should)\b|should i\b|please (?!d))))"
)
"""Where a sentence falls apart: at dashes and colons, before a new "I ..." and before a question or a
request. It begins with a plain set of characters, which makes the search several times faster."""
_CUT_LEAD = re.compile(
    r"[\s\-*•–—>\d.)(,:!…~]*(?:(?:(?:still(?=,)|hi|hello|hey|hiya|good (?:morning|evening"
    r"|afternoon))(?: there| all"
    r"| everyone| claude| chatgpt| gpt)?|ok|okay|so|well|also|and|but|btw|by the way|fyi|actually|anyway"
    r"|anyways|oh|ah|ha|haha|lol|yes|yep|yeah|no|nope|thanks|thank you|thx|ty|sorry|honestly|frankly"
    r"|basically|plus|because|since|as|given that|given|seeing as|seeing that|now that|although|though"
    r"|even though|while|just so you know|so you know|for (?:some )?(?:context|reference|background)"
    r"|for the record|(?:some |quick )?(?:context|background)|please note(?: that)?|note(?: that)?"
    r"|(?:please )?remember(?: that)?|keep in mind(?: that)?|bear in mind(?: that)?"
    r"|(?:please )?don't forget(?: that)?|i should (?:also )?(?:mention|add|say)(?: that)?|i must (?:add"
    r"|say|admit)(?: that)?|worth (?:noting|mentioning|knowing)(?: that)?|i forgot to (?:mention"
    r"|say)(?: that)?|did i mention(?: that)?|as (?:you (?:may |might )?know|i (?:said|mentioned)(?: before"
    r"| earlier)?|mentioned)|if it helps|if it matters|in case it (?:matters|helps)|(?:the )?thing is"
    r"|the (?:fact|truth) is|fact is|truth is|to be honest|tbh|fun fact|one more thing|another thing"
    r"|one thing|a bit about me|about me|(?:my |the )?situation|(?:quick )?question|p\.?s\.?|edit|update"
    r"|side note|reminder|constraints?|details|hobbies|goals?|likes|dislikes|allergies|preferences"
    r"|first of all|firstly|secondly|finally|personally|unfortunately|sadly|luckily|fortunately"
    r"|of course)(?=[\s,:!.\-–—…])[\s,:!.\-–—…]*)*"
)
_KEEP_LEAD = re.compile(
    r"(?:(?:(?:in|on|since|from|until|by|around|back in|during|at|for|after|before) (?!case|general|fact"
    r"|the (?:form|game|scenario|story|ideal))[^,]{2,40}?|last \w+|yesterday|today|every [\w ]{3,20}?"
    r"|(?:\w+ ){1,2}ago|these days|nowadays|most (?:days|mornings|evenings|weekends)|from now on"
    r"|going forward|by default|when(?:ever)? (?:you|i) [^,]{3,60}|as a [^,]{3,40}|recently)(?:,\s+"
    r"|\s+)){1,2}"
    rf"(?=(?:{_SUBJECT}|please |always |never |use |don't |do not |keep |answer |reply |respond |give "
    rf"|write |call |be |avoid |say |tell |ask ))"
)

_STANDING_LEAD = re.compile(
    r"[\s\-*•]*(?:in (?:the )?future|from now on|going forward|by default|when(?:ever)? you [^,]{3,60})"
)

MOST_CHARS = 600
"""Characters of a clause that rules look at: the beginning of a run-on text tells what it is."""
NEARBY = 300
"""Characters before and after a clause that may tell it is no fact. Bounded, so that endless sentences stay
cheap."""
_MOST_CLAUSES = 50
"""Clauses of one sentence that are looked at; nobody speaks in more."""
_LONGEST_FIRST_WORD = 12
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

    @property
    def first_word(self) -> str:
        """The folded word its body begins with."""
        return (
            self.sentence.low[self.body : self.body + _LONGEST_FIRST_WORD].partition(" ")[0].rstrip(",.;:!")
        )

    @property
    def plain(self) -> str:
        """Its body in the form that rules match (`shared.english.plain`)."""
        return plain(self.sentence.low[self.body : min(self.end, self.body + MOST_CHARS)])

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
        if mark[0] != "\n" and low[mark.end() : mark.end() + 1].isalpha():
            if _NO_SPACE.match(original, mark.start() - 2) is None:
                continue
        elif mark[0] == "." and is_abbreviation(low, original, start, mark.start()):
            continue
        if mark.start() > start:
            yield Sentence(original, low, start, mark.start(), "?" in mark[0])
        start = mark.end()
    if start < len(low):
        yield Sentence(original, low, start, len(low), asks=False)


def split_clauses(sentence: Sentence) -> list[Clause]:
    """The clauses of a sentence, each without the greetings and fillers it begins with."""
    low = sentence.low
    clauses: list[Clause] = []
    start, word = sentence.start, ""
    for joint in _JOINT.finditer(low, sentence.start, sentence.end):
        if _STANDING_LEAD.fullmatch(low, start, joint.start()):
            continue
        _add(clauses, sentence, start, joint.start(), word)
        if len(clauses) == _MOST_CLAUSES:
            return clauses
        start, word = joint.end(), joint["word"] or ""
    _add(clauses, sentence, start, sentence.end, word)
    if clauses:
        clauses[-1].last = True
    return clauses


def _add(clauses: list[Clause], sentence: Sentence, start: int, end: int, joint: str) -> None:
    low = sentence.low
    cut = _CUT_LEAD.match(low, start, end)
    start = cut.end() if cut is not None else start
    kept = _KEEP_LEAD.match(low, start, end)
    body = kept.end() if kept is not None else start
    words = low[body:end].rstrip()
    if words:
        clauses.append(Clause(sentence, start, body + len(words), body, joint, last=False))
