"""How many uploads are under way at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from services.gateway.problems import Problem

AT_ONCE: Final = 8
AT_ONCE_OF_ONE: Final = 3
"""Of one user: nobody holds all places."""
AGAIN: Final[Mapping[str, str]] = {"Retry-After": "10"}
"""Where all places are taken, or an export cannot be kept now."""


@dataclass(slots=True)
class Places:
    """How many uploads are under way, in all and of each user."""

    most: int = AT_ONCE
    most_of_one: int = AT_ONCE_OF_ONE
    taken: int = 0
    by_user: Counter[UUID] = field(default_factory=Counter)

    @contextmanager
    def one(self) -> Iterator[None]:
        """A place, for the block. Raises Problem (503) where none is free."""
        if self.taken >= self.most:
            raise Problem(503, "too many uploads are under way; ask again", headers=AGAIN)
        self.taken += 1
        try:
            yield
        finally:
            self.taken -= 1

    @contextmanager
    def of(self, user_id: UUID) -> Iterator[None]:
        """One of a user's places, for the block. Raises Problem (429) where they have too many."""
        if self.by_user[user_id] >= self.most_of_one:
            raise Problem(429, "too many uploads of this user are under way; ask again", headers=AGAIN)
        self.by_user[user_id] += 1
        try:
            yield
        finally:
            self.by_user[user_id] -= 1
            self.by_user += Counter()  # forgets those who have none
