"""Who the users are. The rules are in supabase/migrations/0017_user_names.sql."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from pydantic import ConfigDict

from shared.domain.discreet import Discreet
from shared.store.call import Calls, call


class UserRow(Discreet):
    """A user who has runs."""

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    name: str | None
    """As it was typed; None for those who are given by id."""
    runs: int
    state: str
    """Of the newest run."""
    requested_at: datetime
    """When that was."""
    has_memory: bool
    lineages: tuple[str, ...] = ()
    """Whose accounts the memory is made of."""


class Users(Calls):
    """Methods of Store on users."""

    @call
    async def name_user(self, user_id: UUID, name: str) -> None:
        """Note what a user is called at the terminal; the last name holds."""

    @call
    async def read_user_names(self, user_ids: Sequence[UUID]) -> dict[UUID, str]:
        """The names of those users that have one."""

    @call
    async def list_users(self, limit: int = 1000) -> list[UserRow]:
        """Those who have runs, whoever was seen last first."""
