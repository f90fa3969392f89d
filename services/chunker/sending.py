"""Chunks of one run on their way to the extractors: within its window, a few at a time."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self

from services.chunker.chunking import ChunkingJob
from services.chunker.window import Window
from shared.domain.events import ChunkReady
from shared.domain.runs import RunKey
from shared.domain.told import first_of
from shared.host.service import Kit, dead
from shared.pipelines import CHUNKS_READY, FACTS_EXTRACTED
from shared.resilience.faults import PoisonError
from shared.store.driving import ChunkRanges

PUBLISHES = 64
"""Most chunks on their way to Kafka at a time."""
REPORT_SECONDS = 1.0
CHUNKING_PERCENT = 90.0
"""What of the progress is reading and extracting."""


class Sending(AbstractAsyncContextManager["Sending"]):
    """Sends chunks of one run, of which `recorded` are in. When its block ends well, all are acknowledged.
    Raises RunEndedError, StalledError, and what the database and the log raise."""

    def __init__(self, kit: Kit, job: ChunkingJob, recorded: ChunkRanges, patience: float) -> None:
        self.kit = kit
        self.job = job
        self.key = RunKey(job.import_id, job.run)
        self.recorded = recorded
        size = kit.settings.window_of(job.priority)
        self.window = Window(lambda: kit.store.watch_run(*self.key), size, patience, recorded.count)
        self.group = asyncio.TaskGroup()
        self._publishes = asyncio.Semaphore(PUBLISHES)
        self._reporter: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.group.__aenter__()
        self._reporter = self.group.create_task(self._show_progress())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reporter is not None:
            self._reporter.cancel()
        try:
            await self.group.__aexit__(kind, error, trace)
        except BaseExceptionGroup as group:
            raise first_of(group) from None

    async def send(self, chunk: ChunkReady) -> None:
        """Return when the window has room for it, and it is on its way."""
        await self.window.admit()
        await self._publishes.acquire()
        self.group.create_task(self._send(chunk))

    async def _send(self, chunk: ChunkReady) -> None:
        try:
            await self.kit.publish(CHUNKS_READY, chunk.chunk_id, chunk)
        except PoisonError as error:  # too large for the log: dead, and its import still ends
            await self.kit.publish(FACTS_EXTRACTED, chunk.import_id, dead(chunk, str(error)))
        finally:
            self._publishes.release()

    @abstractmethod
    async def tell_progress(self) -> None:
        """Tell the store how far the run is."""

    async def _show_progress(self) -> None:
        """Tells how far the run is; that also shows the sweeper that somebody works on it."""
        while True:
            await asyncio.sleep(REPORT_SECONDS)
            await self.window.look()
            await self.tell_progress()
