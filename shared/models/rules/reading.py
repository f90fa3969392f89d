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
from shared.english.sentences import split_sentences
from shared.english.spotting import hints
from shared.english.words import FIRST_PERSON, words_of
from shared.models.rules.clauses import facts_of_sentence
from shared.models.rules.guards import is_scenario
from shared.models.rules.instructions import facts_of_instructions
from shared.models.rules.said import Found, Said, Told

_SPOKEN = frozenset(
    word + mark for word in FIRST_PERSON.split() for mark in ("", ",", ".", "!", "?", ":", ";", ")")
)
"""Words of the first person as they stand between blanks."""
_FIRST_PERSON = re.compile(rf"(?<![\w'])(?:{FIRST_PERSON.replace(' ', '|')})(?![\w'])")
_ASKS = words_of(
    "what what's how why when where who which can could would will should is are do does did please pls "
    "explain "
    "list give show describe compare suggest recommend write tell help make translate summarize summarise "
    "create "
    "generate find fix add rewrite improve convert calculate draft put plan pick choose rank outline check "
    "review edit "
    "shorten keep imagine thanks thank ok okay"
)
"""What a sentence begins with that asks, and tells of nobody unless it says "I" or "my"."""
_OF_WISHES = re.compile(
    r"(?<![\w'])(?:always|never|don't|dont|do not|call|from now|in (?:the )?future|your (?:answers?"
    r"|responses?|replies|messages)"
    r"|answers?|respond|reply|by default)(?![\w'])"
)
_HINTS_OF_WISHES = (
    "always", "never", "don't", "dont", "do not", "call", "from now", "future", "answer", "respon", "repl",
    "your messages", "by default",
)  # fmt: skip
_FIRST_WORD = re.compile(r"[^\w\x00]*+((?:[^\W_]|')++)")
_PIECE = re.compile(r"[^.!?\n]++(?P<end>[.!?]?)")
"""A sentence, roughly."""
MOST_SAID = 200
"""Sentences of "I" and "my" in one message beyond which it is a draft, lyrics, a log: nobody types so much of
themselves at a time, and who pastes it asks about a text."""
_LONGEST = 200
"""Characters of a sentence without the first person that is looked at."""


def read_messages(messages: Sequence[Said], told: Told | None = None) -> tuple[list[Found], list[str]]:
    """The facts in one chunk's messages, and the ids of the conversations that are not English. `told` is
    counted up."""
    told = told if told is not None else Told()
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
            found.extend(_facts_of_message(said, low, told))
    return found, list(unread)


def _not_english(messages: Sequence[Said]) -> dict[str, None]:
    said: dict[str, list[str]] = {}
    for each in messages:
        said.setdefault(each.conversation_id, []).append(each.text)
    return {key: None for key, texts in said.items() if conversation_language(texts) != ENGLISH}


def _facts_of_message(said: Said, low: str, told: Told) -> Iterator[Found]:
    if _SPOKEN.isdisjoint(low.replace("(", " ").replace('"', " ").split()) and not _is_any_told(low):
        return
    seen: set[str] = set()
    own = own_words(low)
    previous = ""
    if (
        len(own) > 2 * MOST_SAID
        and len(_FIRST_PERSON.findall(own)) > MOST_SAID
        and _speaking(own) > MOST_SAID
    ):
        return
    for sentence in split_sentences(said.text, own):
        if is_scenario(sentence):
            return
        if _tells(own, sentence.start, sentence.end, asks=sentence.asks):
            facts = list(facts_of_sentence(said, sentence, previous))
            if not sentence.asks and _FIRST_PERSON.search(low, sentence.start, sentence.end) is not None:
                told.about += 1
                told.with_fact += bool(facts)
            for fact in facts:
                if fact.statement not in seen:
                    seen.add(fact.statement)
                    yield fact
        previous = low[sentence.start : sentence.end + 1]


def _speaking(own: str) -> int:
    """How many sentences of a message speak in the first person."""
    return sum(_FIRST_PERSON.search(piece[0]) is not None for piece in _PIECE.finditer(own))


def _tells(low: str, start: int, end: int, *, asks: bool) -> bool:
    """False for a sentence that tells nothing of the person: most of them, at hardly any cost."""
    return _FIRST_PERSON.search(low, start, end) is not None or _is_told(low, start, end, asks=asks)


def _is_any_told(low: str) -> bool:
    """The same of one of the sentences of a message, roughly cut."""
    wishes = hints(low, _HINTS_OF_WISHES)
    for piece in _PIECE.finditer(low):
        start, end = piece.span()
        if low[end - 1] == "?" or end - start > _LONGEST:
            continue
        first = _FIRST_WORD.match(low, start, end)
        if first is not None and first[1] not in _ASKS:
            return True
        if wishes and _OF_WISHES.search(low, start, end) is not None:
            return True
    return False


def _is_told(low: str, start: int, end: int, *, asks: bool) -> bool:
    """Whether a sentence that names no "I" may still tell something of the person: "Two kids, both
    in Leeds"."""
    if asks or end - start > _LONGEST:
        return False
    first = _FIRST_WORD.match(low, start, end)
    return (first is not None and first[1] not in _ASKS) or _OF_WISHES.search(low, start, end) is not None
