"""Chunks for tests: in a line, or all of an export."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from pydantic import TypeAdapter

from services.chunker.chunking import ChunkingJob, chunk_conversations
from services.chunker.passages import Passage
from services.chunker.report import ChunkingReport, ChunkPolicy
from shared.domain.events import ChunkReady, ConversationHeader, Message, Role
from shared.exports.conversation import ReadLimits
from shared.exports.export import open_export

STARTED = datetime(2024, 3, 1, tzinfo=UTC)
MESSAGES = TypeAdapter(Message)


def said(key: str, text: str, role: Role = "user", conversation: str = "c1", **more: object) -> Message:
    """One message; `m1` said by the person unless told otherwise."""
    return MESSAGES.validate_python(
        {"id": key, "conversation_id": conversation, "role": role, "text": text, **more}
    )


def chunk_of(*messages: Message, index: int = 0, content_hash: str = "00") -> ChunkReady:
    """A chunk of these messages, whose conversations all started on STARTED."""
    conversations = dict.fromkeys(message.conversation_id for message in messages)
    return ChunkReady(
        import_id=UUID(int=1),
        user_id=UUID(int=2),
        run=1,
        chunk_id=UUID(int=100 + index),
        index=index,
        content_hash=content_hash,
        token_count=10,
        conversations=tuple(ConversationHeader(id=key, created_at=STARTED) for key in conversations),
        messages=messages,
    )


async def chunks_of(path: Path) -> list[ChunkReady]:
    """All chunks of an export that hold the person's words, cut with the default settings."""
    sink = _Kept()
    job = ChunkingJob(UUID(int=1), UUID(int=2), 1, "v2")
    with open_export(path, ReadLimits()) as opened:
        await chunk_conversations(opened.conversations(), job, ChunkPolicy(), sink, ChunkingReport())
    return [chunk for chunk in sink.chunks if chunk.has_own_words]


class _Kept:
    def __init__(self) -> None:
        self.chunks: list[ChunkReady] = []

    async def save_passages(self, passages: list[Passage]) -> None:
        return None

    async def publish(self, chunk: ChunkReady) -> None:
        self.chunks.append(chunk)
