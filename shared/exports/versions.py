"""Which conversations a reading has met, in which version: the one thing kept per conversation."""

from __future__ import annotations

from array import array
from collections.abc import Hashable
from enum import Enum


class Standing(Enum):
    """What a conversation is, compared with those met before."""

    FIRST = "first"
    NEWER = "newer"
    """A later version of one met before: that one is void."""
    OLDER = "older"
    """Not later than the version met before: to be dropped."""


class Versions:
    """Conversation ids seen, with update time and size, in some 150 bytes each.

    Ids are kept as 64-bit hashes, seeded anew in every process: an export cannot be made to collide.
    """

    def __init__(self) -> None:
        self._place: dict[int, int] = {}
        self._updated = array("d")
        self._messages = array("Q")
        self._characters = array("Q")
        self._accounts = array("B")

    def note(
        self, key: Hashable, updated_at: float, messages: int, characters: int, account: int
    ) -> tuple[Standing, int, int, int]:
        """Count a version in of the conversation of this key, read of this account. Answers its standing; the
        messages and the person's characters of the version that it voids, if it is NEWER; and the account of
        the version met before, or its own."""
        key = hash(key)
        place = self._place.get(key)
        if place is None:
            self._place[key] = len(self._updated)
            self._updated.append(updated_at)
            self._messages.append(messages)
            self._characters.append(characters)
            self._accounts.append(account)
            return Standing.FIRST, 0, 0, account
        before = self._accounts[place]
        if updated_at <= self._updated[place]:
            return Standing.OLDER, 0, 0, before
        void = self._messages[place], self._characters[place]
        self._updated[place] = updated_at
        self._messages[place] = messages
        self._characters[place] = characters
        self._accounts[place] = account
        return Standing.NEWER, *void, before
