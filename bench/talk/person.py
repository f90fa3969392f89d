"""One person's side of a talk, read as an export of theirs would be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.chunker.chunking import ChunkingJob, chunk_conversations
from services.chunker.passages import Passage
from services.chunker.report import ChunkingReport, ChunkPolicy
from shared.domain.events import ChunkReady
from shared.domain.facts import Candidate
from shared.domain.text import repair
from shared.exports.conversation import Conversation, Role, Turn

NOBODY = UUID(int=0)

Extractor = Callable[[ChunkReady], Sequence[Candidate]]
"""What is measured: messages of one person, in conversations, become facts that name the ids of messages."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A turn of a talk between two."""

    id: str
    speaker: str
    text: str
    at: float | None = None
    """Unix seconds."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whose facts are looked for, and all that they said and heard."""

    name: str
    conversations: tuple[Conversation, ...]

    def said(self) -> list[Turn]:
        """Their own turns."""
        return [turn for each in self.conversations for turn in each.turns if turn.role == "user"]

    def chunks(self) -> list[ChunkReady]:
        """What a model would be given of it, cut with the default settings."""
        kept = _Kept()
        job = ChunkingJob(NOBODY, NOBODY, 1, "bench")
        asyncio.run(chunk_conversations(self.conversations, job, ChunkPolicy(), kept, ChunkingReport()))
        return [chunk for chunk in kept.chunks if chunk.has_own_words]

    def facts(self, extract: Extractor) -> list[Candidate]:
        """What `extract` finds in it, in order."""
        return [fact for chunk in self.chunks() for fact in extract(chunk)]


def persons_of(name: str, sessions: Iterable[tuple[str, Sequence[Spoken]]]) -> list[Person]:
    """Everyone who speaks in the named sessions of one talk: for each, their own turns are a user's and all
    others an assistant's. A turn without words is left out."""
    kept = [(key, [turn for turn in spoken if turn.text.strip()]) for key, spoken in sessions]
    speakers = dict.fromkeys(turn.speaker for _, spoken in kept for turn in spoken)
    return [
        Person(f"{name}/{who}", tuple(_as_heard_by(who, key, spoken) for key, spoken in kept if spoken))
        for who in speakers
    ]


def _as_heard_by(who: str, key: str, spoken: Sequence[Spoken]) -> Conversation:
    def role(turn: Spoken) -> Role:
        return "user" if turn.speaker == who else "assistant"

    turns = [Turn(turn.id, role(turn), repair(turn.text), turn.at) for turn in spoken]
    return Conversation(key, "", turns, created_at=spoken[0].at)


@dataclass(slots=True)
class _Kept:
    """A sink that keeps the chunks."""

    chunks: list[ChunkReady] = field(default_factory=list)

    async def save_passages(self, passages: list[Passage]) -> None:
        """Drop them."""

    async def publish(self, chunk: ChunkReady) -> None:
        """Keep it."""
        self.chunks.append(chunk)
