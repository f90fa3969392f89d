"""The in-process log: bounded queues between stages, whose readers take whatever is waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Line(Generic[T]):
    """A bounded queue with an end. Writers wait when it is full; readers get batches."""

    def __init__(self, bound: int) -> None:
        self._queue: asyncio.Queue[T | None] = asyncio.Queue(bound)

    async def put(self, item: T) -> None:
        """Hand `item` on; returns when there is room."""
        await self._queue.put(item)

    async def end(self) -> None:
        """Nothing more will come: the reader's loop ends after what is queued."""
        await self._queue.put(None)

    async def batches(self, most: int) -> AsyncIterator[list[T]]:
        """Whatever is waiting, at least one item and at most `most`, until the end. One reader only."""
        ended = False
        while not ended:
            batch: list[T] = []
            item = await self._queue.get()
            while item is not None:
                batch.append(item)
                if len(batch) == most or self._queue.empty():
                    break
                item = self._queue.get_nowait()
            ended = item is None
            if batch:
                yield batch


class Clock:
    """Seconds by stage. Stages overlap, so their sum may exceed the wall time."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def time(self, stage: str) -> _Lap:
        """A context manager that adds the time its block takes to `stage`."""
        return _Lap(self, stage)


class _Lap:
    def __init__(self, clock: Clock, stage: str) -> None:
        self._clock = clock
        self._stage = stage
        self._start = 0.0

    def __enter__(self) -> None:
        self._start = asyncio.get_running_loop().time()

    def __exit__(self, *_: object) -> None:
        spent = asyncio.get_running_loop().time() - self._start
        self._clock.seconds[self._stage] = self._clock.seconds.get(self._stage, 0.0) + spent
