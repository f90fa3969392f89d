"""The task that keeps passages embedded, for as long as the writer runs, and never in its stage's way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import structlog

from services.writer.filling import Filler
from services.writer.fit import require_fit
from shared.domain.errors import StoreError, UsageError
from shared.host.service import Kit
from shared.models.embeddings.careful import Careful, Patience
from shared.models.embeddings.client import opened_embedder
from shared.models.embeddings.failures import EmbeddingError
from shared.resilience.backoff import Backoff
from shared.resilience.faults import LaneError
from shared.resilience.lane import Hold

LOOK_SECONDS = 5.0
"""Most seconds until passages are found that another process stored."""
TELL_SECONDS = 2.0
"""How often a profile says how far its embeddings are."""
PATIENCE = Patience()
AGAIN = Backoff(base=5.0, cap=300.0, jitter=0.5)
"""After trouble that no call to the server tells the end of."""
COUNT_SECONDS = 60.0
"""How often it is counted how many passages wait."""

log = structlog.get_logger(__name__)


@asynccontextmanager
async def opened_embedding(kit: Kit) -> AsyncIterator[Embedding]:
    """The task, for the block. Raises UsageError for a model that does not fit the column; where the server
    or the database cannot be asked now, the task finds that out later."""
    async with opened_embedder(kit.settings, kit.metrics.embeddings) as embedder:
        careful = Careful(embedder, kit.settings.embeddings_batch, PATIENCE)
        embedding = Embedding(kit, careful)
        try:
            await embedding.check()
            yield embedding
        finally:
            await careful.close()


class Embedding:
    """Embeds whatever lacks an embedding, again and again."""

    def __init__(self, kit: Kit, careful: Careful) -> None:
        self._kit = kit
        self._careful = careful
        self._fits = False
        self._trouble: Hold | None = None
        self._look = asyncio.Event()
        self._told: dict[UUID, float] = {}
        """When the profiles of users whose passages are in work were last told."""
        self._counted = float("-inf")
        self._filler = Filler(
            kit.store,
            careful,
            owner=kit.owner,
            lease=kit.settings.lease_seconds,
            limit=kit.settings.embeddings_batch,
            check=self._fit,
            began=self._began,
        )

    def trouble(self) -> Hold | None:
        """Why nothing is embedded now."""
        return self._trouble or next(iter(self._careful.lane.holds.values()), None)

    def look(self, user_id: UUID) -> None:
        """This user's passages may lack embeddings, and the profile has yet to say how far they are."""
        self._told.setdefault(user_id, float("-inf"))
        self._look.set()

    async def check(self) -> None:
        """Whether the model fits. Raises UsageError if not."""
        try:
            await self._fit()
        except (EmbeddingError, StoreError) as error:
            log.warning("embeddings cannot be tried yet", reason=str(error))

    async def run(self) -> None:
        """Embed until cancelled."""
        failures = 0
        while True:
            self._look.clear()
            try:
                if not self._fits:
                    await self._fit()
                await self._filler.fill()
                await self._tell_all()
                await self._count()
            except (UsageError, EmbeddingError, StoreError, LaneError) as error:
                failures += 1
                self._hold(str(error))
                await asyncio.sleep(AGAIN.delay(failures))
                continue
            failures, self._trouble = 0, None
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._look.wait()

    async def _fit(self) -> None:
        self._fits = False
        await require_fit(self._kit.store, self._careful.embedder, self._kit.settings)
        self._fits = True

    def _hold(self, reason: str) -> None:
        self._fits = False  # perhaps the column is another by now
        since = self._trouble.since if self._trouble else time.time()
        self._trouble = Hold(reason, since)
        log.warning("passages are not embedded", stage=self._kit.name, reason=reason)

    async def _began(self, user_id: UUID) -> None:
        """Passages of this user are in work. Others may have none left, though all is not done for long."""
        self._trouble = None
        await self._count()
        self._told.setdefault(user_id, float("-inf"))
        longest = min(self._told, key=self._told.__getitem__)
        for each in {user_id, longest}:
            if time.monotonic() - self._told[each] >= TELL_SECONDS:
                self._told[each] = time.monotonic()
                counts = await self._kit.store.tell_embeddings(each)
                if counts.waiting == 0:
                    self._told.pop(each, None)

    async def _tell_all(self) -> None:
        """Nothing is in work: how far each user is, also where a process died that was to say it."""
        for user_id in {*self._told, *await self._kit.store.embedding_users()}:
            await self._kit.store.tell_embeddings(user_id)
            self._told.pop(user_id, None)

    async def _count(self) -> None:
        if time.monotonic() - self._counted >= COUNT_SECONDS:
            self._counted = time.monotonic()
            counts = await self._kit.store.count_embeddings()
            self._kit.metrics.embeddings.lacking.set(counts.waiting)
