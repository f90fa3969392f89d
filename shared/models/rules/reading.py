"""Reads the person's messages and finds facts: the whole of extraction, on plain tuples (see `said.py`).

From cheap to dear, so that most text costs next to nothing: what is not the person's is blanked out
(`regions`), the rest is cut into sentences; those that tell of somebody are cut into clauses (`sentences`),
which meet the guards (`guards`) and then the gate (`shared.english.gate`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from shared.english.language import ENGLISH, conversation_language
from shared.english.plain import fold
from shared.english.regions import own_words
from shared.english.role_play import opens_role_play
from shared.english.sentences import Sentence, split_sentences
from shared.english.words import words_of
from shared.models.rules.clauses import facts_of_sentence
from shared.models.rules.guards import is_scenario
from shared.models.rules.instructions import facts_of_instructions
from shared.models.rules.said import Found, Said

_FIRST_PERSON = re.compile(r"(?<![\w'])(?:i|i'm|im|i've|ive|i'd|i'll|my|me|mine|myself|we|we're|we've|our|us)(?![\w'])")
_ASKS = words_of(
    "what what's how why when where who which can could would will should is are do does did please pls explain "
    "list give show describe compare suggest recommend write tell help make translate summarize summarise create "
    "generate find fix add rewrite improve convert calculate draft put thanks thank ok okay"
)
"""What a sentence begins with that asks, and tells of nobody unless it says "I" or "my"."""
_LEAD = " \t-*•–—>.)("
_LONGEST = 200
"""Characters of a sentence without the first person that is looked at."""


def read_messages(messages: Sequence[Said]) -> tuple[list[Found], list[str]]:
    """The facts in one chunk's messages, and the ids of the conversations that are not English."""
    unread = _not_english(messages)
    games: set[str] = set()
    found: list[Found] = []
    for said in messages:
        if said.conversation_id in unread:
            continue
        low = fold(said.text)
        if said.custom:
            found.extend(facts_of_instructions(said, low))
        elif said.conversation_id not in games:
            if opens_role_play(low):
                games.add(said.conversation_id)
            found.extend(_facts_of_message(said, low))
    return found, list(unread)


def _not_english(messages: Sequence[Said]) -> dict[str, None]:
    said: dict[str, list[str]] = {}
    for each in messages:
        said.setdefault(each.conversation_id, []).append(each.text)
    return {key: None for key, texts in said.items() if conversation_language(texts) != ENGLISH}


def _facts_of_message(said: Said, low: str) -> Iterator[Found]:
    seen: set[str] = set()
    own = own_words(low)
    previous = ""
    for sentence in split_sentences(said.text, own):
        if is_scenario(sentence):
            return
        if _may_tell(sentence):
            for fact in facts_of_sentence(said, sentence, previous):
                if fact.statement not in seen:
                    seen.add(fact.statement)
                    yield fact
        previous = low[sentence.start : sentence.end + 1]


def _may_tell(sentence: Sentence) -> bool:
    """False where nothing is told of the person: most sentences, at hardly any cost."""
    low, start, end = sentence.low, sentence.start, sentence.end
    if _FIRST_PERSON.search(low, start, end) is not None:
        return True
    if sentence.asks or end - start > _LONGEST:
        return False
    first = low[start:end].lstrip(_LEAD).partition(" ")[0].rstrip(",.:!")
    return first not in _ASKS and any(map(str.isalnum, first))
