"""Custom instructions: an export repeats them in every conversation; they are taken once a wording."""

from __future__ import annotations

from hashlib import blake2b

from shared.exports.conversation import Conversation, Turn

INSTRUCTIONS_ID = "custom-instructions"
"""Conversation id under which the standing instructions are stored and cited."""
TITLE = "Custom instructions"
MAX_WORDINGS = 500
"""Most different wordings kept; a person has a handful, a hostile file could have one a conversation."""


class Instructions:
    """Collects the distinct wordings of an export, each dated by its first conversation."""

    def __init__(self) -> None:
        self._first_seen: dict[str, float | None] = {}

    def note(self, text: str, created_at: float | None) -> None:
        """Count one conversation's instructions in; `created_at` is that conversation's time."""
        if text in self._first_seen:
            first = self._first_seen[text]
            if created_at is not None and (first is None or created_at < first):
                self._first_seen[text] = created_at
        elif len(self._first_seen) < MAX_WORDINGS:
            self._first_seen[text] = created_at

    def conversation(self) -> Conversation | None:
        """All wordings as one conversation, oldest first; None if there are none."""
        if not self._first_seen:
            return None
        wordings = sorted(self._first_seen.items(), key=lambda item: (item[1] or 0.0, item[0]))
        turns = [Turn(_turn_id(text), "user", text, created_at) for text, created_at in wordings]
        return Conversation(INSTRUCTIONS_ID, TITLE, turns, created_at=wordings[0][1])


def _turn_id(text: str) -> str:
    return f"{INSTRUCTIONS_ID}-{blake2b(text.encode('utf-8', 'surrogatepass'), digest_size=8).hexdigest()}"
