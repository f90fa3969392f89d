"""Saves embeddings: they are paid for, so a database that is away is waited for, and a row that it refuses
costs only itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

import structlog

from shared.domain.errors import StoreError
from shared.models.embeddings.careful import Careful
from shared.resilience.backoff import Backoff
from shared.resilience.deadline import Deadline
from shared.resilience.faults import Fault, fault_of
from shared.store.embeddings import EmbeddedPassage, RefusedPassage
from shared.store.store import Store

ATTEMPTS = 5
"""On a fault that may lie in the rows, before it is looked for there."""
_ROWS_OWN = (Fault.POISON, Fault.UNKNOWN)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """What is saved together, of one user."""

    user_id: UUID
    embedded: Sequence[EmbeddedPassage] = ()
    refused: Sequence[RefusedPassage] = ()
    calls: int = 0
    tokens: int = 0
    cost: float | None = 0.0


class Saver:
    """Saves what `owner` has claimed. `check` raises where the column does not take what the model gives."""

    def __init__(
        self,
        store: Store,
        careful: Careful,
        owner: str,
        check: Callable[[], Awaitable[None]],
        backoff: Backoff | None = None,
    ) -> None:
        self._store = store
        self._careful = careful
        self._owner = owner
        self._check = check
        self._backoff = backoff or Backoff(base=0.2, cap=10.0)
        self.stored = 0
        """Passages that were given an embedding."""

    async def save(self, batch: Batch) -> None:
        """Raises StoreError where the database refuses all of it, or is away for longer than patience has
        it."""
        failures = 0
        deadline = Deadline(self._careful.lane, self._careful.patience.lane or float("inf"))
        while True:
            try:
                await self._saved(batch)
                return
            except StoreError as error:
                failures += 1
                fault = fault_of(error)
                if fault is Fault.POISON or (fault is Fault.UNKNOWN and failures >= ATTEMPTS):
                    await self._singly(batch, error)
                    return
                if deadline.passed:
                    raise
                log.warning("embeddings are not saved yet", reason=str(error))
            await asyncio.sleep(self._backoff.delay(failures))

    async def _singly(self, batch: Batch, error: StoreError) -> None:
        """Each row by itself; what is refused is not embedded again today. Raises where all are: they may not
        be to blame."""
        refused: list[RefusedPassage] = []
        for each in batch.embedded:
            try:
                await self._saved(Batch(batch.user_id, [each]))
            except StoreError as own:
                if fault_of(own) not in _ROWS_OWN:
                    raise
                reason = f"database {own.sqlstate}"
                refused.append(RefusedPassage(each.id, each.content_hash, reason, final=False))
        vain = len(refused) == len(batch.embedded)
        if vain:
            await self._check()
        for row in refused:
            log.warning(
                "a passage is not embedded", reason=row.reason, user_id=str(batch.user_id), id=str(row.id)
            )
        await self._saved(replace(batch, embedded=(), refused=[*batch.refused, *refused]))
        if vain:
            raise error

    async def _saved(self, batch: Batch) -> None:
        embedder = self._careful.embedder
        stored = await self._store.save_embeddings(
            batch.user_id,
            self._owner,
            model=embedder.model,
            embedded=batch.embedded,
            refused=batch.refused,
            calls=batch.calls,
            tokens=batch.tokens,
            cost=batch.cost,
        )
        self.stored += stored
        passages = embedder.metrics.passages
        passages.labels("embedded").inc(stored)
        passages.labels("changed").inc(len(batch.embedded) - stored)
        passages.labels("refused").inc(len(batch.refused))
