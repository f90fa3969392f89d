"""Models at work: what users cost, what holds services up, open batches. The rules are in
supabase/migrations/0009_models.sql."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, TypeAdapter

from shared.domain.batches import OpenBatch
from shared.domain.events import Usage
from shared.store.transport import Transport


class UserUsage(Usage):
    """What all runs of one user cost, failed and replayed ones included."""

    user_id: UUID
    runs: int


class HoldRow(BaseModel):
    """Why processes hold one service up."""

    model_config = ConfigDict(frozen=True)

    service: str
    hold: str
    reason: str
    since: datetime
    replicas: int
    """How many processes say so."""


_USAGE = TypeAdapter(list[UserUsage])
_HOLDS = TypeAdapter(list[HoldRow])
_BATCHES = TypeAdapter(list[OpenBatch])


class Operations:
    """Methods of Store on models at work."""

    _transport: Transport

    async def read_usage(self, user_id: UUID | None = None, limit: int = 1000) -> list[UserUsage]:
        """What users cost, the dearest first; or one user."""
        return _USAGE.validate_python(
            await self._transport.call("read_usage", {"user_id": user_id, "limit": limit})
        )

    async def note_holds(self, owner: str, holds: Sequence[Mapping[str, Any]]) -> None:
        """All that holds the services of this process up: service, hold, reason, since (a time) of each."""
        await self._transport.call("note_holds", {"owner": owner, "holds": list(holds)})

    async def read_holds(self, seconds: float) -> list[HoldRow]:
        """What processes said within so many seconds."""
        return _HOLDS.validate_python(await self._transport.call("read_holds", {"seconds": seconds}))

    async def open_batch(self, provider: str, batch: OpenBatch, instead_of: str | None = None) -> None:
        """Remember a batch, instead of the one that was being sent."""
        told = batch.model_dump(mode="json")
        await self._transport.call("open_batch", {"provider": provider, "instead_of": instead_of, **told})

    async def read_batches(
        self, provider: str, model: str, prompt_version: str, hashes: Sequence[str]
    ) -> list[OpenBatch]:
        """The batches that hold any of these chunks, with those of them."""
        answer = await self._transport.call(
            "read_batches",
            {
                "provider": provider,
                "model": model,
                "prompt_version": prompt_version,
                "hashes": list(hashes),
            },
        )
        return _BATCHES.validate_python(answer)

    async def close_batch_chunks(self, provider: str, hashes: Sequence[str]) -> None:
        """The results of these chunks are stored."""
        await self._transport.call("close_batch_chunks", {"provider": provider, "hashes": list(hashes)})

    async def void_batch(self, provider: str, batch_id: str) -> None:
        """There is no such batch."""
        await self._transport.call("close_batch_chunks", {"provider": provider, "batch_id": batch_id})
