"""What users cost. The rules are in supabase/migrations/0013_usage.sql."""

from __future__ import annotations

from uuid import UUID

from shared.domain.events import Usage
from shared.store.call import Calls, call


class UserUsage(Usage):
    """What all runs of one user cost, failed and replayed ones included."""

    user_id: UUID
    runs: int


class Usages(Calls):
    """Methods of Store on usage."""

    @call
    async def read_usage(self, user_id: UUID | None = None, limit: int = 1000) -> list[UserUsage]:
        """What users cost, the dearest first; or one user."""
