"""Dead letters, as the index records them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from shared.store.dead_letters import LetterPosition, NewLetter
from shared.store.store import Store

CHUNKS = "chunks.ready.v2"
BURIED = datetime(2026, 11, 1, tzinfo=UTC)


def letter_of(offset: int, **changes: Any) -> NewLetter:
    """A letter that lies there."""
    fields: dict[str, Any] = {
        "id": uuid4(),
        "letter_offset": offset,
        "buried_at": BURIED,
        "size": 100,
        "ce_id": uuid4(),
        "reason": "bad_json",
        "error_class": "PoisonError",
        "attempts": 1,
        "stage": "extractor",
    }
    return NewLetter(**(fields | changes))


async def record_letters(
    store: Store, letters: Sequence[NewLetter], topic: str = CHUNKS, **changes: Any
) -> int | None:
    """Record letters of partition 0 after those that are recorded already."""
    positions = {each.topic: each for each in await store.read_dead_letter_positions()}
    at = positions.get(topic) or LetterPosition(topic=topic, partition=0)
    end = max((each.letter_offset + 1 for each in letters), default=at.next_offset)
    fields: dict[str, Any] = {
        "generation": at.generation,
        "from_offset": at.next_offset,
        "begin_offset": at.begin_offset,
        "next_offset": end,
        "last_timestamp": 7,
    }
    return await store.record_dead_letters(topic, 0, letters=letters, **(fields | changes))
