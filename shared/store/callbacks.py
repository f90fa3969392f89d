"""What the app is told of imports, once each. The rules are in supabase/migrations/0018_callbacks.sql."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from pydantic import ConfigDict

from shared.domain.discreet import Discreet
from shared.store.call import Calls, call

Kind = Literal["quick", "complete"]
"""Of what the app is told: of first sections, of a memory that is served."""
CallbackState = Literal["due", "sent", "refused", "given_up", "unknown"]
"""What a call is once it was made; beside `marked`, while it is made or if its process died then."""


class DueCallback(Discreet):
    """A call that is marked as made, and to be made now."""

    model_config = ConfigDict(frozen=True)

    import_id: UUID
    kind: Kind
    user_id: UUID
    attempt: int
    """1 the first time."""
    seconds: float
    """How long the run took until then."""


class Callbacks(Calls):
    """Methods of Store on what the app is told."""

    @call
    async def take_callback(self, token: UUID, import_id: UUID | None = None) -> DueCallback | None:
        """Mark the call that is due first, of one import or any; None if none is due. Asking again with the
        same token answers the same call until that is settled, so no answer is lost."""

    @call
    async def settle_callback(self, token: UUID, state: CallbackState, again_in: float | None = None) -> bool:
        """Note what became of the call with this token; one that is due again is so after `again_in` seconds.
        False if that was noted before."""
