"""Message batches under way, shared by all processes that use one provider. The rules are in
supabase/migrations/0015_batch_chunks.sql."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from shared.domain.batches import OpenBatch
from shared.store.call import SPREAD, Calls, call


class Batches(Calls):
    """Methods of Store on message batches."""

    @call
    async def open_batch(
        self, provider: str, batch: Annotated[OpenBatch, SPREAD], instead_of: str | None = None
    ) -> None:
        """Remember a batch, instead of the one that was being sent."""

    @call
    async def read_batches(
        self, provider: str, model: str, prompt_version: str, hashes: Sequence[str]
    ) -> list[OpenBatch]:
        """The batches that hold any of these chunks, with those of them."""

    @call
    async def close_batch_chunks(
        self, provider: str, hashes: Sequence[str] = (), *, batch_id: str | None = None
    ) -> None:
        """The results of these chunks are stored; or there is no such batch."""


class StoreLedger:
    """One provider's batches: see shared.models.ledger.BatchLedger."""

    def __init__(self, store: Batches, provider: str) -> None:
        self._store = store
        self._provider = provider

    async def holding(self, model: str, prompt_version: str, hashes: Sequence[str]) -> Sequence[OpenBatch]:
        """The open batches of this model and prompt with any of these chunks, and those of the chunks."""
        return await self._store.read_batches(self._provider, model, prompt_version, hashes)

    async def opened(self, batch: OpenBatch, instead_of: str | None = None) -> None:
        """Remember a batch."""
        await self._store.open_batch(self._provider, batch, instead_of)

    async def void(self, batch_id: str) -> None:
        """Forget a batch that there is not."""
        await self._store.close_batch_chunks(self._provider, batch_id=batch_id)

    async def stored(self, hashes: Sequence[str]) -> None:
        """What these chunks gave is stored."""
        await self._store.close_batch_chunks(self._provider, hashes)
