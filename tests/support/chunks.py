"""Chunks for tests, in a line."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from pydantic import TypeAdapter

from shared.domain.events import ChunkReady, ConversationHeader, Message, Role

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
