"""What the model reads of a chunk: numbered, delimited, and unable to close its own delimiter.

Every mark carries a tag that is drawn from the content and stands nowhere in it, so nothing that is said can
be a mark. The same content has the same tag, which keeps replies and caches repeatable.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from shared.domain.events import ChunkReady, ConversationHeader, Message
from shared.domain.facts import FactStatus, SettledFact
from shared.domain.printable import seen
from shared.domain.sample import SampleConversation
from shared.english.binding.own import own_text
from shared.english.spotting import BLANK

TAG_LENGTH = 6
TITLE_CHARS = 120
_PERSON, _ASSISTANT = "P", "A"


@dataclass(frozen=True, slots=True)
class Transcript:
    """The text of one prompt and what its numbers mean."""

    text: str
    message_ids: tuple[str, ...]
    """The id of the message with number 1, 2, ..."""

    def ids_of(self, numbers: Iterable[int]) -> tuple[str, ...]:
        """Ids of the messages with these numbers, in their order, each once; numbers made up are left out."""
        known = (self.message_ids[n - 1] for n in numbers if 0 < n <= len(self.message_ids))
        return tuple(dict.fromkeys(known))


def transcript_of(chunk: ChunkReady, messages: Sequence[Message]) -> Transcript:
    """`messages`, some or all of the chunk's, as the extraction prompt takes them."""
    headers = {header.id: header for header in chunk.conversations}
    entries: list[tuple[str, str]] = []
    conversation: str | None = None
    day: date | None = None
    for number, message in enumerate(messages, 1):
        if message.conversation_id != conversation:
            conversation = message.conversation_id
            header = headers.get(conversation)
            day = header.created_at.date() if header is not None and header.created_at is not None else None
            entries.append((f"# {day or 'undated'} | {_title(header)}", ""))
        speaker = _PERSON if message.role == "user" else _ASSISTANT
        said_on = message.created_at.date() if message.created_at is not None else day
        dated = "" if said_on == day else f" {said_on}"
        day = said_on
        entries.append((f"{number} {speaker}{dated}", message.text))
    return Transcript(delimited(entries), tuple(message.id for message in messages))


def facts_listed(facts: Sequence[SettledFact], excerpts: Sequence[str] = ()) -> str:
    """Facts, then excerpts, numbered from 1."""
    entries = [(str(number), _told(fact)) for number, fact in enumerate(facts, 1)]
    entries += [(f"{number} {_PERSON}", words) for number, words in enumerate(excerpts, len(entries) + 1)]
    return delimited(entries)


def own_excerpts(sample: Sequence[SampleConversation], chars: int) -> list[tuple[str, bool]]:
    """What the person says themselves in a sample, as much as fits, and whether it is of their custom
    instructions.
    A sample may be from before excerpts were guarded, so they are looked at here too."""
    found: list[tuple[str, bool]] = []
    for conversation in sample:
        for excerpt in conversation.excerpts:
            words = seen(excerpt) if conversation.standing else own_text(excerpt).replace(BLANK, "")
            if len(words) > chars:
                break
            if words.strip():
                chars -= len(words)
                found.append((words, conversation.standing))
    return found


def delimited(entries: Iterable[tuple[str, str]]) -> str:
    """Entries of mark and text between a begin and an end that no text can contain."""
    entries = list(entries)
    tag = tag_for("\n".join(text for entry in entries for text in entry))
    lines = [f"[{tag}:begin]"]
    for mark, text in entries:
        lines.append(f"[{tag}:{mark}] {text}" if text else f"[{tag}:{mark}]")
    lines.append(f"[{tag}:end]")
    return "\n".join(lines)


def tag_for(content: str) -> str:
    """A tag that stands nowhere in `content`, the same for the same content."""
    seed = content.encode("utf-8", "surrogatepass")
    attempt = 0
    while True:
        digest = hashlib.blake2b(seed, digest_size=8, salt=attempt.to_bytes(8, "big")).digest()
        tag = base64.b32encode(digest).decode().lower()[:TAG_LENGTH]
        if tag not in content.lower():
            return tag
        attempt += 1


def _title(header: ConversationHeader | None) -> str:
    """A title is untrusted too: one line, no bracket that ends its mark."""
    title = " ".join(header.title.split()) if header is not None else ""
    return title[:TITLE_CHARS].replace("[", "(").replace("]", ")")


def _told(fact: SettledFact) -> str:
    said = f"{fact.stated_at:%Y-%m}" if fact.stated_at is not None else "undated"
    times = f" x{fact.support}" if fact.support > 1 else ""
    past = ", no longer" if fact.status is FactStatus.SUPERSEDED else ""
    return f"({said}{times}{past}) {' '.join(fact.statement.split())}"
