"""Which batches are open: stored before they are sent and waited for, so that no crash pays twice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

from shared.domain.batches import OpenBatch
from shared.domain.errors import UsageError


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


class FileLedger:
    """A ledger in one JSON file, for one process at a time. Raises UsageError for a file that is none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def holding(self, model: str, prompt_version: str, hashes: Sequence[str]) -> Sequence[OpenBatch]:
        """The open batches of this model and prompt with any of these chunks."""
        asked = set(hashes)
        ours = (
            each
            for each in self.open_batches()
            if (each.model, each.prompt_version) == (model, prompt_version)
        )
        return [batch for batch in ours if not asked.isdisjoint(batch.hashes)]

    async def opened(self, batch: OpenBatch, instead_of: str | None = None) -> None:
        """Remember a batch."""
        self._write([*(each for each in self.open_batches() if each.batch_id != instead_of), batch])

    async def void(self, batch_id: str) -> None:
        """Forget a batch that there is not."""
        self._write([each for each in self.open_batches() if each.batch_id != batch_id])

    async def stored(self, hashes: Sequence[str]) -> None:
        """What these chunks gave is stored."""
        done = set(hashes)
        left = [
            each.model_copy(update={"hashes": tuple(h for h in each.hashes if h not in done)})
            for each in self.open_batches()
        ]
        self._write([each for each in left if each.hashes])

    def open_batches(self) -> list[OpenBatch]:
        """All that were opened and not closed."""
        try:
            return _LEDGER.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return []
        except ValidationError:
            raise UsageError(f"{self._path} is no list of open batches: move it away") from None

    def _write(self, batches: Sequence[OpenBatch]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".new")
        with unfinished.open("wb") as file:
            file.write(_LEDGER.dump_json(list(batches)))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path)


_LEDGER = TypeAdapter(list[OpenBatch])
