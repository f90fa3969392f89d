"""Chunks for the tests of extraction."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from shared.domain.events import ChunkReady, Message
from shared.domain.ids import stage_id
from shared.models.rules.reading import read_messages
from shared.models.rules.said import Found, Said

SAID_AT = datetime(2024, 6, 5, 12, tzinfo=UTC)
IMPORT = UUID(int=1)


def chunk_of(*messages: Message) -> ChunkReady:
    """A chunk of these messages."""
    return ChunkReady(
        import_id=IMPORT,
        user_id=UUID(int=2),
        run=1,
        chunk_id=stage_id(IMPORT, "v2", 1, "chunk", len(messages)),
        index=0,
        content_hash="00",
        token_count=1,
        conversations=(),
        messages=messages,
    )


def message(text: str, number: int = 1, role: str = "user", conversation: str = "c1") -> Message:
    """A message of the person, or of the assistant."""
    return Message(f"m{number}", conversation, "user" if role == "user" else "assistant", text, SAID_AT)


def facts(text: str, *, custom: bool = False) -> list[Found]:
    """What is found in one message."""
    return read_messages([Said("m1", "c1", text, SAID_AT.toordinal(), custom)])[0]


def statements(text: str, *, custom: bool = False) -> list[str]:
    """The statements found in one message."""
    return [fact.statement for fact in facts(text, custom=custom)]
