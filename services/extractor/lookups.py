"""Look-ups in the database before a chunk is read: one call for all chunks that wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from shared.domain.events import ChunkReady
from shared.resilience.faults import Fault, fault_of
from shared.store.driving import CachedExtraction, LookUp

MOST = 64
"""Most chunks of one call."""
GATHER_SECONDS = 0.01
"""How long the first chunk waits for others: a moment beside a model call, and far fewer calls here."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the database says of one chunk."""

    refusal: str | None
    """Why nobody wants it any more."""
    known: CachedExtraction | None
    """What was read before of the same content."""


Asked = tuple[ChunkReady, asyncio.Future[Found]]


class Lookups:
    """Gathers what is asked at the same time into one call."""

    def __init__(self, ask: Callable[[Sequence[ChunkReady]], Awaitable[LookUp]]) -> None:
        self._ask = ask
        self._waiting: list[Asked] = []
        self._asking: asyncio.Task[None] | None = None

    async def of(self, chunk: ChunkReady) -> Found:
        """What the database says of this chunk. Raises what the call raises."""
        answer: asyncio.Future[Found] = asyncio.get_running_loop().create_future()
        self._waiting.append((chunk, answer))
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask_all())
        return await answer

    async def _ask_all(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHER_SECONDS)
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            await self._answer(batch)

    async def _answer(self, batch: Sequence[Asked]) -> None:
        """Answer all of a call; in halves where one chunk may spoil it, so that it costs only itself."""
        wanted = [(chunk, answer) for chunk, answer in batch if not answer.done()]
        if not wanted:
            return
        try:
            found = await self._ask([chunk for chunk, _ in wanted])
        except Exception as error:
            if len(wanted) > 1 and fault_of(error) is not Fault.LANE:
                middle = len(wanted) // 2
                await self._answer(wanted[:middle])
                await self._answer(wanted[middle:])
                return
            for _, answer in wanted:
                if not answer.done():
                    answer.set_exception(error)
            return
        for chunk, answer in wanted:
            if not answer.done():
                answer.set_result(
                    Found(
                        found.refused.get((chunk.user_id, chunk.import_id, chunk.run, chunk.index)),
                        found.known.get((chunk.user_id, chunk.content_hash)),
                    )
                )
