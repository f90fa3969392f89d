"""Fair queueing: who comes next when many imports wait for the same few places: new ones first, then one of
each in turn."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Hashable, Iterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

T = TypeVar("T")
CREDIT = 4
"""Items of a new line that go before all old lines: a small import is through before its share of the turns
would let it, and a large one is held up by that much only, once."""


class FairQueue(Generic[T]):
    """A queue of lines: within a line first in, first out; between lines one after the other.

    A new line goes first, for CREDIT items. One that runs empty is old until all old ones have had a turn, or
    nothing waits: coming and going earns no credit.
    """

    def __init__(self) -> None:
        self._new: dict[Hashable, deque[T]] = {}
        self._old: dict[Hashable, deque[T]] = {}
        self._credit: dict[Hashable, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        for lines in (self._new, self._old):
            for line in lines.values():
                yield from line

    def append(self, line: Hashable, item: T) -> None:
        """Put an item at the end of its line; a new line comes after the other new ones."""
        items = self._old.get(line)
        if items is None:
            items = self._new.setdefault(line, deque())
        items.append(item)
        self._count += 1

    def pop(self) -> T:
        """The next item; its line goes to the end. Raises IndexError if none waits."""
        if not self._count:
            raise IndexError("nothing waits")
        self._count -= 1
        item = self._pop_new() if self._new else self._pop_old()
        if not self._count:
            self._old.clear()
        return item

    def _pop_new(self) -> T:
        name = next(iter(self._new))
        line = self._new.pop(name)
        item = line.popleft()
        left = self._credit.pop(name, CREDIT) - 1
        if left and line:
            self._new[name] = line
            self._credit[name] = left
        else:
            self._old[name] = line
        return item

    def _pop_old(self) -> T:
        while True:
            name = next(iter(self._old))
            line = self._old.pop(name)
            if line:
                self._old[name] = line
                return line.popleft()


class Gate:
    """A semaphore that lets its waiters in by turns."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: FairQueue[asyncio.Future[None]] = FairQueue()

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
