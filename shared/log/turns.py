"""Turns: who comes next when many imports wait for the same few places. One of each import in turn."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable, Iterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class Turns(Generic[T]):
    """A queue of lines: within a line first in, first out; between lines one after the other."""

    def __init__(self) -> None:
        self._lines: dict[Hashable, deque[T]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        for line in self._lines.values():
            yield from line

    def append(self, line: Hashable, item: T) -> None:
        """Put an item at the end of its line; a new line comes last."""
        self._lines.setdefault(line, deque()).append(item)
        self._count += 1

    def pop(self) -> T:
        """The next item; its line goes to the end. Raises IndexError if none waits."""
        if not self._count:
            raise IndexError("nothing waits")
        name = next(iter(self._lines))
        line = self._lines.pop(name)
        item = line.popleft()
        if line:
            self._lines[name] = line
        self._count -= 1
        return item


class Gate:
    """A semaphore that lets its waiters in by turns."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: Turns[asyncio.Future[None]] = Turns()

    @asynccontextmanager
    async def place(self, line: Hashable) -> AsyncIterator[None]:
        """Hold one of the places for the block."""
        await self._enter(line)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, line: Hashable) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(line, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave()  # it had its place already
            raise

    def _leave(self) -> None:
        while self._waiting:
            turn = self._waiting.pop()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
