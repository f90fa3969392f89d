"""Which batches are open: stored before they are sent and waited for, so that no crash pays twice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from shared.domain.batches import OpenBatch


class BatchLedger(Protocol):
    """Remembers batches over crashes, at one provider."""

    async def holding(self, model: str, prompt_version: str, hashes: Sequence[str]) -> Sequence[OpenBatch]:
        """The open batches of this model and prompt with any of these chunks."""
        ...

    async def opened(self, batch: OpenBatch, instead_of: str | None = None) -> None:
        """Remember a batch, instead of the one that was being sent; it is stored when this returns."""
        ...

    async def void(self, batch_id: str) -> None:
        """Forget a batch that there is not."""
        ...

    async def stored(self, hashes: Sequence[str]) -> None:
        """What these chunks gave is stored: forget them, and batches of which nothing else is left."""
        ...
