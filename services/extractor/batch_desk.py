"""Chunks read by message batches in a service: gathered for a moment, sent together, answered one by one.

A batch is in the database before it is sent, and its chunks stay there until their results are on the log:
whoever gets the chunks after a crash or a rebalance takes the batch up, and nothing is paid twice.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace
from typing import Self

from shared.domain.errors import ModelError, StoreError
from shared.domain.events import ChunkReady, Usage
from shared.domain.runs import Priority
from shared.host.service import parting
from shared.models.base import BatchModel, Extraction
from shared.models.ledger import BatchLedger
from shared.resilience.faults import Fault, fault_of
from shared.settings.settings import BATCH_WINDOW

GATHER_SECONDS = 5.0
"""How long the first chunk of a batch waits for others."""
MOST = BATCH_WINDOW
"""Most chunks of a batch; they are held in memory, some 20 KB each."""
FORGET_SECONDS = 1.0
"""How long results that are on the log wait to be struck off the ledger together."""

Answer = Extraction | ModelError


@dataclass(slots=True, eq=False)
class _Group:
    """Chunks that go in one batch."""

    chunks: dict[str, ChunkReady] = field(default_factory=dict)
    """By content hash."""
    task: asyncio.Task[None] | None = None
    full: asyncio.Event = field(default_factory=asyncio.Event)


class BatchDesk:
    """Gathers chunks into batches of one model. Used from one event loop only."""

    def __init__(
        self, model: BatchModel, ledger: BatchLedger, *, gather: float = GATHER_SECONDS, most: int = MOST
    ) -> None:
        self._model = model
        self._ledger = ledger
        self._gather = gather
        self._most = most
        self._open: dict[Priority, _Group] = {}
        """What is gathered: live chunks do not wait for the many of a replay in their batch."""
        self._groups: dict[str, _Group] = {}
        self._waiting: dict[str, list[asyncio.Future[Answer]]] = {}
        self._done: list[str] = []
        self._forgetting: asyncio.Task[None] | None = None

    async def read(self, chunk: ChunkReady) -> Answer:
        """The chunk's answer, hours later. Raises what the batch raised; cancelled, it leaves the batch
        running at the provider."""
        key = chunk.content_hash
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        if key not in self._groups:
            self._join(chunk)
        self._waiting.setdefault(key, []).append(answer)
        try:
            return await answer
        finally:
            if answer.cancelled():
                self._left(key, answer)

    def stored(self, content_hash: str) -> None:
        """The result of this content is on the log."""
        self._done.append(content_hash)
        if self._forgetting is None or self._forgetting.done():
            self._forgetting = asyncio.create_task(self._forget())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop waiting; batches go on at the provider."""
        tasks = [group.task for group in set(self._groups.values()) if group.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._forgetting is not None:
            self._forgetting.cancel()
            await asyncio.wait([self._forgetting])
        async with parting():  # else the batch is read once more
            await self._strike_off()

    def _join(self, chunk: ChunkReady) -> None:
        group = self._open.get(chunk.priority)
        if group is None:
            group = self._open[chunk.priority] = _Group()
            group.task = asyncio.create_task(self._read_together(group))
        group.chunks[chunk.content_hash] = chunk
        self._groups[chunk.content_hash] = group
        if len(group.chunks) >= self._most:
            self._close_group(group)

    def _close_group(self, group: _Group) -> None:
        group.full.set()
        for priority, gathered in list(self._open.items()):
            if gathered is group:
                del self._open[priority]

    def _left(self, key: str, answer: asyncio.Future[Answer]) -> None:
        """Nobody here waits for this any more: a rebalance, or the end."""
        waiting = self._waiting.get(key, [])
        if answer in waiting:
            waiting.remove(answer)
        if waiting or key not in self._groups:
            return
        group = self._groups.pop(key)
        self._waiting.pop(key, None)
        group.chunks.pop(key, None)
        if not group.chunks and group.task is not None:
            self._close_group(group)
            group.task.cancel()

    async def _read_together(self, group: _Group) -> None:
        try:
            with suppress(TimeoutError):
                await asyncio.wait_for(group.full.wait(), self._gather)
            self._close_group(group)
            async with aclosing(
                self._model.extract_batch(list(group.chunks.values()), self._ledger)
            ) as answers:
                async for chunk, answer in answers:
                    self._answered(group, chunk.content_hash, answer)
        except asyncio.CancelledError:
            self._failed(group, None)
            raise
        except Exception as error:
            if len(group.chunks) > 1 and fault_of(error) in (Fault.POISON, Fault.UNKNOWN):
                self._halve(group)
            else:
                self._failed(group, error)

    def _halve(self, group: _Group) -> None:
        """One chunk may spoil the batch: what is not answered is read in two."""
        chunks = list(group.chunks.values())
        group.chunks.clear()
        middle = len(chunks) // 2
        for half in (chunks[:middle], chunks[middle:]):
            part = _Group({chunk.content_hash: chunk for chunk in half})
            part.full.set()
            self._groups.update(dict.fromkeys(part.chunks, part))
            part.task = asyncio.create_task(self._read_together(part))

    def _answered(self, group: _Group, key: str, answer: Answer) -> None:
        group.chunks.pop(key, None)
        self._groups.pop(key, None)
        for place, future in enumerate(self._waiting.pop(key, [])):
            if place and isinstance(answer, Extraction):
                answer = replace(answer, usage=Usage())  # the first one bears the cost
            if not future.done():
                future.set_result(answer)

    def _failed(self, group: _Group, error: Exception | None) -> None:
        self._close_group(group)
        for key in list(group.chunks):
            group.chunks.pop(key)
            self._groups.pop(key, None)
            for future in self._waiting.pop(key, []):
                if future.done():
                    continue
                if error is None:
                    future.cancel()
                else:
                    future.set_exception(error)

    async def _forget(self) -> None:
        while self._done:
            await asyncio.sleep(FORGET_SECONDS)
            with suppress(StoreError):  # tried again
                await self._strike_off()

    async def _strike_off(self) -> None:
        done, self._done = self._done, []
        if not done:
            return
        try:
            await self._ledger.stored(done)
        except StoreError:
            self._done += done
            raise
