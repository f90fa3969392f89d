"""The richest conversations: a bounded heap of those in which the person said most."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from shared.domain.sample import SampleConversation
from shared.exports.conversation import Conversation

EXCERPT_CHARS = 400
"""Characters kept of each of the person's messages."""
EXCERPTS = 12
"""Messages kept of each conversation."""
LOOKED_AT = 1200
"""Characters of a message in which what the person says themselves is looked for."""
Guard = Callable[[str], str]
"""What of a text is the person's own."""


class Sample:
    """Keeps the `size` richest conversations seen, by characters of the person's messages; of these what
    `own` leaves of them."""

    def __init__(self, size: int, own: Guard) -> None:
        self._size = size
        self._own = own
        self._heap: list[tuple[int, str]] = []
        self._kept: dict[str, SampleConversation] = {}

    def offer(self, conversation: Conversation, person_characters: int) -> None:
        """Consider one conversation; a newer version of a kept one takes its place."""
        entry = (person_characters, conversation.id)
        self.discard(conversation.id)
        if len(self._heap) < self._size:
            heapq.heappush(self._heap, entry)
        elif entry > self._heap[0]:
            del self._kept[heapq.heapreplace(self._heap, entry)[1]]
        else:
            return
        self._kept[conversation.id] = _clipped(conversation, person_characters, LOOKED_AT)

    def discard(self, conversation_id: str) -> None:
        """Forget a conversation, if it is kept."""
        if self._kept.pop(conversation_id, None) is not None:
            self._heap = [kept for kept in self._heap if kept[1] != conversation_id]
            heapq.heapify(self._heap)

    def conversations(self) -> list[SampleConversation]:
        """Those kept, richest first."""
        return [self._guarded(self._kept[key]) for _, key in sorted(self._heap, reverse=True)]

    def _guarded(self, kept: SampleConversation) -> SampleConversation:
        own = (self._own(text)[:EXCERPT_CHARS] for text in kept.excerpts)
        return replace(kept, excerpts=tuple(text for text in own if text.strip()))


def standing_of(conversation: Conversation) -> SampleConversation:
    """Custom instructions, the person's own throughout, as a sample holds them."""
    said = sum(len(turn.text) for turn in conversation.turns)
    return replace(_clipped(conversation, said, EXCERPT_CHARS), standing=True)


def _clipped(conversation: Conversation, person_characters: int, most: int) -> SampleConversation:
    said = [turn.text for turn in conversation.turns if turn.role == "user"]
    created = conversation.created_at
    return SampleConversation(
        id=conversation.id,
        title=conversation.title[:EXCERPT_CHARS],
        created_at=None if created is None else datetime.fromtimestamp(created, UTC),
        person_characters=person_characters,
        excerpts=tuple(text[:most] for text in said[:EXCERPTS]),
    )
