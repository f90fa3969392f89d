"""Grounding: a candidate becomes a fact only if its quote is a clause of the person's own words, and its
statement says no more than they do (`shared.english.binding`)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from shared.domain.events import ChunkReady, Message
from shared.domain.facts import Candidate, Fact, SourceKind
from shared.domain.ids import fact_id
from shared.domain.markdown import visible
from shared.domain.printable import seen
from shared.english.binding.bound import WORDS, Ground, why_unbound
from shared.english.binding.orders import is_announced, is_attributed, is_grave, reads_as_order
from shared.english.binding.own import OwnWords, Place, is_clause, own_text, speaks
from shared.english.binding.reading import Reading, read
from shared.english.binding.vocabulary import FORCE, NEGATIONS, PLAIN_NEGATIONS
from shared.english.normalise import normalise
from shared.english.plain import fold
from shared.english.role_play import opens_role_play

UNKNOWN_MESSAGE = "unknown_message"
"""No cited message is in the chunk."""
NOT_THE_PERSON = "not_the_person"
"""The quote stands in a cited message, but it is the assistant's."""
QUOTE_NOT_FOUND = "quote_not_found"
"""The quote stands in no cited message."""
PASTED = "pasted"
"""The quote stands in the person's message, but in text that is evidently not their own."""
NO_CLAUSE = "no_clause"
"""The quote is too little to say anything, or is cut out of words."""
CITED = 8
"""Most cited messages that a statement may rest on, beside that of its quote."""
LOOKED_AT = 4000
"""Characters of a message in which the day of a fact is looked for."""
ANSWERED = 0.6
"""Most confidence in what only an answer to the assistant's question says."""
_SPEAKS = re.compile(r"(?:I|I['’](?:m|ve|d|ll)|My|We|We['’](?:re|ve|ll)|Our) ")
_QUESTION = re.compile(r"[^.!?\n]{3,300}\?")


@dataclass(slots=True)
class Grounded:
    """What grounding let through, and how many it refused, by reason."""

    facts: list[Fact] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)


def ground(chunk: ChunkReady, candidates: tuple[Candidate, ...], *, own_words: bool = False) -> Grounded:
    """Check every candidate against the chunk it came from.

    Text that is evidently not the person's is no ground; `own_words` says that the model has looked at
    nothing else already.

    A fact keeps only the cited messages that are the person's; it is dated by the message its quote
    stands in, else by that message's conversation. Equal facts of one message are one fact. What only the
    assistant's question says, and the person's short answer makes certain, is less certain than the rest.
    """
    grounded = Grounded()
    if not candidates:
        return grounded
    seen: set[object] = set()
    grounds = _Grounds(chunk, candidates, own_words=own_words)
    for candidate in candidates:
        cited = grounds.cited(candidate)
        source, reason, answered = grounds.source(candidate, cited)
        if source is None:
            grounded.dropped[reason] += 1
            continue
        fact = _fact(chunk, candidate, source, cited, grounds.day(source))
        if answered:
            fact = fact.model_copy(update={"confidence": min(fact.confidence, ANSWERED)})
        if fact.id not in seen:
            seen.add(fact.id)
            grounded.facts.append(fact)
    return grounded


class _Grounds:
    """The messages of a chunk that candidates cite; each is looked at once, however many cite it."""

    def __init__(self, chunk: ChunkReady, candidates: tuple[Candidate, ...], *, own_words: bool) -> None:
        self._own_words = own_words
        self._parts: dict[str, list[Message]] = {key: [] for each in candidates for key in each.message_ids}
        self._before: dict[str, Message] = {}
        earlier: Message | None = None
        for message in chunk.messages:
            if message.id in self._parts:
                self._parts[message.id].append(message)
                if earlier is not None and earlier.conversation_id == message.conversation_id:
                    self._before.setdefault(message.id, earlier)
            earlier = message
        self._started = {header.id: header.created_at for header in chunk.conversations}
        self._own: dict[tuple[str, bool], OwnWords] = {}
        self._played = set() if own_words else _played(chunk.messages)

    def cited(self, candidate: Candidate) -> list[Message]:
        """The messages that it cites and that there are."""
        return [part for key in dict.fromkeys(candidate.message_ids) for part in self._parts.get(key, ())]

    def day(self, source: Message) -> datetime | None:
        """When it was said."""
        return source.created_at or self._started.get(source.conversation_id)

    def source(self, candidate: Candidate, cited: list[Message]) -> tuple[Message | None, str, bool]:
        """The person's message that the candidate rests on, or the reason why there is none; and whether it
        rests on an answer."""
        if not cited:
            return None, UNKNOWN_MESSAGE, False
        quote = normalise(visible(candidate.quote))
        if not quote:
            return None, QUOTE_NOT_FOUND, False
        reason = ""
        for message in cited:
            if message.role != "user":
                continue
            own = self._of(message)
            place = own.place(quote)
            if place is None:
                if quote in own.normal:
                    reason = reason or NO_CLAUSE
                continue
            if not is_clause(quote, place.sentence):
                reason = NO_CLAUSE
                continue
            if not self._is_theirs(candidate, message, place):
                reason = PASTED
                continue
            why = self._why_unbound(candidate, quote, message, place, cited)
            if why is None:
                return message, "", False
            if why == WORDS and place.is_answer and self._is_answered(candidate, message, place):
                return message, "", True
            reason = why
        return None, reason or self._not_own(quote, cited), False

    def _is_theirs(self, candidate: Candidate, message: Message, place: Place) -> bool:
        """Whether the clause is what the person claims, and not what they tell of others. What could do harm
        stands where they begin to speak: a stranger's words come after theirs, among many lines."""
        if message.custom_instructions:
            return True
        if is_attributed(place.before, place.sentence, candidate.statement):
            return False
        if place.first and not is_announced(place.before):
            return True
        own = self._of(message)
        if not place.first and not (own.speaks_first and (speaks(place.sentence) or own.is_foreign)):
            return False
        return not is_grave(candidate.statement, links=bool(read(candidate.statement).links))

    def _why_unbound(
        self, candidate: Candidate, quote: str, message: Message, place: Place, cited: list[Message]
    ) -> str | None:
        if _is_as_said(candidate):
            return None
        others = [each for each in cited if each.role == "user" and each is not message]
        others = [each for each in others if each.conversation_id == message.conversation_id][:CITED]
        everything = [place.near, *(self._of(each).normal for each in (message, *others))]
        moments = [self.day(each) for each in (message, *others)]
        days = tuple(moment.date() for moment in moments if moment is not None)
        return why_unbound(candidate.statement, Ground(place.near, "\n".join(everything), days))

    def _is_answered(self, candidate: Candidate, message: Message, place: Place) -> bool:
        """Whether the statement is what the assistant asked of the person and they answered: no order, link
        or number is taken from a question."""
        before = self._before.get(message.id)
        if before is None or before.role != "assistant":
            return False
        asked = _QUESTION.findall(before.text)
        said, answer = read(candidate.statement), read(place.sentence)
        if (
            not asked
            or said.links
            or not FORCE.intersection(said.words) <= set(answer.words)
            or not said.numbers <= answer.numbers
        ):
            return False
        if reads_as_order(candidate.statement):
            return False
        if not PLAIN_NEGATIONS.isdisjoint(answer.words) and NEGATIONS.isdisjoint(said.words):
            return False
        question = own_text(asked[-1])
        near = f"{question}\n{place.sentence}"
        return why_unbound(candidate.statement, Ground(near, near)) is None

    def _not_own(self, quote: str, cited: list[Message]) -> str:
        """Why the quote is no ground, where no message of the person holds it as their own words."""
        holders = [each for each in cited if quote in normalise(visible(each.text))]
        if any(each.role == "user" for each in holders):
            return PASTED
        return NOT_THE_PERSON if holders else QUOTE_NOT_FOUND

    def _of(self, message: Message) -> OwnWords:
        """Its own words. Standing instructions are the person's own throughout."""
        if id(message) in self._played:
            return _NOTHING
        whole = self._own_words or message.custom_instructions
        key = message.text, whole
        known = self._own.get(key)
        if known is None:
            known = self._own[key] = OwnWords(message.text if whole else own_text(message.text), message.text)
        return known


_NOTHING = OwnWords("")


def _played(messages: Sequence[Message]) -> set[int]:
    """Messages, by their identity, that are said in a game that the person began before."""
    games: set[str] = set()
    played = set()
    for message in messages:
        if message.role != "user" or message.custom_instructions:
            continue
        if message.conversation_id in games:
            played.add(id(message))
        elif opens_role_play(fold(message.text)):
            games.add(message.conversation_id)
    return played


def _is_as_said(candidate: Candidate) -> bool:
    """Whether the statement is the quote, as the offline rules say it: with a capital and a full stop."""
    said, quoted = candidate.statement.rstrip(" .!"), candidate.quote.rstrip(" .!")
    return said == quoted or (_SPEAKS.match(said) is not None and fold(said) == fold(quoted))


def _dated(candidate: Candidate) -> bool:
    return candidate.valid_from is not None or candidate.valid_until is not None


def _told(day: date | None, words: Reading, said_on: datetime | None) -> date | None:
    """A day that the words tell: its year stands there, or is that of the message, or near it."""
    if day is None:
        return None
    years = words.numbers | (set() if said_on is None else {said_on.year + step for step in (-1, 0, 1)})
    counted = () if said_on is None else (said_on.year - number for number in words.numbers if number < 100)
    return day if day.year in years or day.year in counted else None


def _fact(
    chunk: ChunkReady, candidate: Candidate, source: Message, cited: list[Message], stated_at: datetime | None
) -> Fact:
    own = dict.fromkeys(message.id for message in (source, *cited) if message.role == "user")
    statement = seen(candidate.statement)
    words = read(f"{source.text[:LOOKED_AT]} {candidate.quote}") if _dated(candidate) else read("")
    return Fact(
        category=candidate.category,
        statement=statement,
        quote=seen(candidate.quote),
        message_ids=tuple(own),
        valid_from=_told(candidate.valid_from, words, stated_at),
        valid_until=_told(candidate.valid_until, words, stated_at),
        confidence=candidate.confidence,
        id=fact_id(chunk.user_id, source.id, candidate.category, statement),
        conversation_id=source.conversation_id,
        stated_at=stated_at,
        source_kind=SourceKind.CUSTOM_INSTRUCTIONS if source.custom_instructions else SourceKind.CONVERSATION,
    )
