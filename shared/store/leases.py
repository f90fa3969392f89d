"""Who works on what until when, and what holds services up. The rules are in supabase/migrations:
0008_claims.sql, 0010_leases.sql, 0014_service_holds.sql and 0016_writable.sql."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import ConfigDict

from shared.domain.discreet import Discreet
from shared.store.call import Calls, call


@dataclass(frozen=True, slots=True)
class Claim:
    """Answer of claim_run. `reason` if not claimed: unknown, incomplete, leased, published, an end state.
    `edition` names what of the user's other lineages the run has joined."""

    claimed: bool
    reason: str | None
    edition: int = 0


class HoldRow(Discreet):
    """Why processes hold one service up."""

    model_config = ConfigDict(frozen=True)

    service: str
    hold: str
    reason: str
    since: datetime
    replicas: int
    """How many processes say so."""


class Leases(Calls):
    """Methods of Store on leases and holds."""

    @call
    async def claim_run(self, import_id: UUID, run: int, owner: str, lease_seconds: float) -> Claim:
        """Take a complete, unpublished run for consolidation. The same owner may claim again; another must
        wait until the lease ends. What an unfinished consolidation settled is reset, and the facts of the
        user's other lineages are joined as they are now."""

    @call
    async def renew_run(self, import_id: UUID, run: int, owner: str, lease_seconds: float) -> bool:
        """Prolong the lease; False if it is no longer this owner's: stop working on the run."""

    @call
    async def release_run(self, import_id: UUID, run: int, owner: str) -> bool:
        """Give the lease back at once; False if it was not this owner's."""

    @call
    async def take_lease(self, name: str, owner: str, seconds: float) -> bool:
        """Take or prolong the lease of this name; False while it is another's."""

    @call
    async def release_lease(self, name: str, owner: str) -> bool:
        """Give the lease back; False if it was not this owner's."""

    @call
    async def require_writable(self) -> None:
        """Raises StoreError (25006) while the database takes no writes: reading may work all the same."""

    @call
    async def note_holds(self, owner: str, holds: Sequence[Mapping[str, Any]]) -> None:
        """All that holds the services of this process up: service, hold, reason, since (a time) of each."""

    @call
    async def read_holds(self, seconds: float) -> list[HoldRow]:
        """What processes said within so many seconds."""
