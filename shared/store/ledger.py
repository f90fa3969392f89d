"""A ledger of message batches in the database, shared by all processes that use one provider."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.batches import OpenBatch
from shared.store.operations import Operations


class StoreLedger:
    """See shared.models.ledger.BatchLedger."""

    def __init__(self, store: Operations, provider: str) -> None:
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
        await self._store.void_batch(self._provider, batch_id)

    async def stored(self, hashes: Sequence[str]) -> None:
        """What these chunks gave is stored."""
        await self._store.close_batch_chunks(self._provider, hashes)
