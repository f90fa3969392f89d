"""Which batches are open: stored before they are waited for, so that no crash pays twice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from shared.errors import UsageError


class OpenBatch(BaseModel):
    """A batch that was created and whose results are not all stored."""

    model_config = ConfigDict(frozen=True)

    batch_id: str
    model: str
    prompt_version: str
    hashes: tuple[str, ...]
    """Content hashes of its chunks; each is the custom id of its request."""


class BatchLedger(Protocol):
    """Remembers batches over crashes, for one user at one provider."""

    async def open_batches(self) -> Sequence[OpenBatch]:
        """All that were opened and not closed."""
        ...

    async def opened(self, batch: OpenBatch) -> None:
        """Remember a batch; it is stored when this returns."""
        ...

    async def closed(self, batch_id: str) -> None:
        """Forget a batch. The caller of `BatchReader.read` does this, once all it yielded is stored."""
        ...


class FileLedger:
    """A ledger in one JSON file, for one process at a time. Raises UsageError for a file that is none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def open_batches(self) -> Sequence[OpenBatch]:
        """All that were opened and not closed."""
        try:
            return _LEDGER.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return []
        except ValidationError:
            raise UsageError(f"{self._path} is no list of open batches: move it away") from None

    async def opened(self, batch: OpenBatch) -> None:
        """Remember a batch."""
        self._write([*await self.open_batches(), batch])

    async def closed(self, batch_id: str) -> None:
        """Forget a batch."""
        self._write([each for each in await self.open_batches() if each.batch_id != batch_id])

    def _write(self, batches: Sequence[OpenBatch]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self._path.with_suffix(".new")
        with unfinished.open("wb") as file:
            file.write(_LEDGER.dump_json(list(batches)))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._path)


_LEDGER = TypeAdapter(list[OpenBatch])
