"""Grounding: a candidate becomes a fact only if its quote stands in the person's own words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from shared.domain.events import ChunkReady, Message
from shared.domain.facts import Candidate, Fact, SourceKind
from shared.domain.ids import fact_id
from shared.english.normalise import normalise
from shared.english.pasted import without_pasted

UNKNOWN_MESSAGE = "unknown_message"
"""No cited message is in the chunk."""
NOT_THE_PERSON = "not_the_person"
"""The quote stands in a cited message, but it is the assistant's."""
QUOTE_NOT_FOUND = "quote_not_found"
"""The quote stands in no cited message."""
PASTED = "pasted"
"""The quote stands in the person's message, but in text that they evidently pasted."""


@dataclass(slots=True)
class Grounded:
    """What grounding let through, and how many it refused, by reason."""

    facts: list[Fact] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)


def ground(chunk: ChunkReady, candidates: tuple[Candidate, ...], *, own_words: bool = False) -> Grounded:
    """Check every candidate against the chunk it came from.

    Text that the person evidently pasted is no ground; `own_words` says that the model has looked at nothing
    else already.

    A fact keeps only the cited messages that are the person's; it is dated by the message its quote
    stands in, else by that message's conversation. Equal facts of one message are one fact.
    """
    grounded = Grounded()
    if not candidates:
        return grounded
    parts: dict[str, list[Message]] = {key: [] for each in candidates for key in each.message_ids}
    for message in chunk.messages:
        if message.id in parts:
            parts[message.id].append(message)
    started = {header.id: header.created_at for header in chunk.conversations}
    seen: set[object] = set()
    own, alike = OwnWords(), Alike()
    for candidate in candidates:
        cited = [part for key in dict.fromkeys(candidate.message_ids) for part in parts.get(key, ())]
        source, reason = _source(candidate.quote, cited, alike, None if own_words else own)
        if source is None:
            grounded.dropped[reason] += 1
            continue
        fact = _fact(
            chunk, candidate, source, cited, source.created_at or started.get(source.conversation_id)
        )
        if fact.id not in seen:
            seen.add(fact.id)
            grounded.facts.append(fact)
    return grounded


class OwnWords:
    """What of each message the person did not paste; each is looked at once."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._alike = Alike()

    def hold(self, message: Message, quote: str) -> bool:
        """Whether the quote stands there. Standing instructions are the person's own throughout."""
        if message.custom_instructions:
            return True
        text = self._texts.get(message.text)
        if text is None:
            text = self._texts[message.text] = without_pasted(message.text)
        return quote in text or normalise(quote) in self._alike.of(text)


class Alike:
    """Texts normalised (`shared.english.normalise`), each once, however many candidates cite it."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def of(self, text: str) -> str:
        """`text`, normalised."""
        known = self._texts.get(text)
        if known is None:
            known = self._texts[text] = normalise(text)
        return known


def _source(
    quote: str, cited: list[Message], alike: Alike, own: OwnWords | None
) -> tuple[Message | None, str]:
    """The person's message that holds the quote, or the reason why there is none."""
    if not cited:
        return None, UNKNOWN_MESSAGE
    holders = [message for message in cited if quote in message.text]
    if not any(message.role == "user" for message in holders):
        plain = normalise(quote)
        holders += [message for message in cited if plain and plain in alike.of(message.text)]
    theirs = [message for message in holders if message.role == "user"]
    for message in theirs:
        if own is None or own.hold(message, quote):
            return message, ""
    if theirs:
        return None, PASTED
    return None, NOT_THE_PERSON if holders else QUOTE_NOT_FOUND


def _fact(
    chunk: ChunkReady, candidate: Candidate, source: Message, cited: list[Message], stated_at: datetime | None
) -> Fact:
    own = dict.fromkeys(message.id for message in (source, *cited) if message.role == "user")
    return Fact(
        category=candidate.category,
        statement=candidate.statement,
        quote=candidate.quote,
        message_ids=tuple(own),
        valid_from=candidate.valid_from,
        valid_until=candidate.valid_until,
        confidence=candidate.confidence,
        id=fact_id(chunk.user_id, source.id, candidate.category, candidate.statement),
        conversation_id=source.conversation_id,
        stated_at=stated_at,
        source_kind=SourceKind.CUSTOM_INSTRUCTIONS if source.custom_instructions else SourceKind.CONVERSATION,
    )
