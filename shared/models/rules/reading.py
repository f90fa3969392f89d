"""Reads the person's messages and finds facts: the whole of extraction, on plain tuples (see `said.py`).

From cheap to dear, so that most text costs next to nothing: a message without a word that begins a fact is
left at once; then foreign text is blanked out (`regions`), the rest is cut into sentences and clauses
(`sentences`), and each clause meets the rules of its first words (`rules`) and their guards (`guards`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from shared.english.language import ENGLISH, conversation_language
from shared.english.plain import fold
from shared.english.regions import own_words
from shared.english.role_play import opens_role_play
from shared.english.sentences import split_sentences
from shared.models.rules.clauses import facts_of_sentence
from shared.models.rules.guards import is_scenario
from shared.models.rules.instructions import facts_of_instructions
from shared.models.rules.said import Found, Said

_OPENING_WORDS = (
    "i i'm im i've ive i'd my we we're we've our always never don't dont call answer answers answering "
    "respond reply use keep avoid stop no matters future now forward default whenever every time"
)
_OPENERS = frozenset(word + mark for word in _OPENING_WORDS.split() for mark in ("", ",", ".", "!"))
"""Words that a fact may begin with; a message without any holds none."""
_OPENER = re.compile(
    r"(?<![\w'])(?:i|i'm|im|i've|ive|my|we|we're|we've|our|always|never|don't|dont|do not|call|please"
    r"|from now|in future|matters|in the future|answer|respond|reply|use|keep|avoid|stop|no)(?![\w'])"
)
"""The same for a sentence."""


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
    if _OPENERS.isdisjoint(low.replace("(", " ").replace('"', " ").split()):
        return
    seen: set[str] = set()
    own = own_words(low)
    for sentence in split_sentences(said.text, own):
        if is_scenario(sentence):
            return
        if _OPENER.search(own, sentence.start, sentence.end) is None:
            continue
        for fact in facts_of_sentence(said, sentence):
            if fact.statement not in seen:
                seen.add(fact.statement)
                yield fact
