"""What was written of the same facts before. The rules are in supabase/migrations/0031_writing_cache.sql."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from shared.store.call import Calls, call

WritingPart = Literal["reduce", "memory", "sections"]
"""Which of a model's tasks an answer is of."""


class Writings(Calls):
    """Methods of Store on what models wrote."""

    @call
    async def recall_writing(
        self, user_id: UUID, model: str, version: str, digest: str, *, import_id: UUID, run: int
    ) -> dict[str, Any] | None:
        """What was answered to exactly this for the user before, which this run has now; None if nothing."""

    @call
    async def keep_writing(
        self,
        user_id: UUID,
        model: str,
        version: str,
        digest: str,
        *,
        part: WritingPart,
        answer: dict[str, Any],
        import_id: UUID,
        run: int,
        most: int,
    ) -> None:
        """Keep what this run was answered; of the user's answers those `most` that were used last."""
