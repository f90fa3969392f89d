"""The first pipeline: sections made of one look at an export, and calls of a predecessor that does all of the
work. The rules are in supabase/migrations/0025_v1_calls.sql."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict

from shared.domain.bounds import Count, RunNumber, Source
from shared.domain.discreet import Discreet
from shared.domain.events import MemoryReady
from shared.store.call import Calls, call

Outcome = Literal["accepted", "unknown", "again", "refused"]
"""What became of a call: an unknown one may have been acted on, one to be made again surely was not."""


class V1Call(Discreet):
    """A call that is marked as made, and to be made now."""

    model_config = ConfigDict(frozen=True)

    import_id: UUID
    run: RunNumber
    user_id: UUID
    source: Source
    conversation_count: Count
    message_count: Count
    attempt: int
    """1 the first time."""


class V1End(Discreet):
    """A call whose run has ended. `late`: without an end that the profile shows."""

    model_config = ConfigDict(frozen=True)

    import_id: UUID
    run: RunNumber
    user_id: UUID
    outcome: Literal["complete", "failed", "late", "dropped"]


class V1Calls(Calls):
    """Methods of Store for quickpass."""

    @call
    async def keep_sections(
        self,
        import_id: UUID,
        run: int,
        memory: MemoryReady,
        counts: Mapping[str, Any],
        breaks: Sequence[Mapping[str, Any]],
    ) -> bool:
        """Keep the sections of a run until it ends, with what its reading counted and where the export
        breaks; False if the run ended, or its sections are kept already."""

    @call
    async def owe_v1_call(
        self,
        import_id: UUID,
        run: int,
        conversation_count: int | None = None,
        message_count: int | None = None,
    ) -> bool:
        """Have the predecessor called for a run, once; False if that is so, or the run has ended."""

    @call
    async def has_v1_calls(self) -> bool:
        """Whether a call is due, or the predecessor at work."""

    @call
    async def take_v1_call(self, token: UUID, at_once: int) -> V1Call | None:
        """Mark the call that is due first, and keep what its user's profile holds; None if none is due, or
        the predecessor has `at_once` in work, whoever called it. Asking again with the same token answers the
        same call until that is settled."""

    @call
    async def settle_v1_call(
        self,
        token: UUID,
        outcome: Outcome,
        reason: str = "",
        *,
        again_in: float = 0.0,
        most: int,
    ) -> Literal["posted", "due", "failed"] | None:
        """Note what became of the call with this token, of which `most` attempts are made; what it is from
        now on. `reason` tells people why its run failed, if it did. None if it is not ours any more."""

    @call
    async def watch_v1_calls(self, seconds: float) -> list[V1End]:
        """End the runs whose profile shows an end since the predecessor was called, and as failed those that
        show none after `seconds`; all that ended now."""
