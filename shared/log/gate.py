"""A semaphore that is fair: see shared.log.fairness."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from shared.log.fairness import Line, Turns


class Gate:
    """A semaphore that lets its waiters in by turns. Of its places replays leave so many free as are `kept`
    for live work."""

    def __init__(self, places: int, kept: int = 0) -> None:
        self._free = places
        self._waiting: Turns[tuple[Line, asyncio.Future[None]]] = Turns(of_replays=places - kept)

    @asynccontextmanager
    async def place(
        self, person: Hashable, of: Hashable = None, *, replay: bool = False
    ) -> AsyncIterator[None]:
        """Hold one of the places for the block, for what is this person's."""
        line = Line(person, of, replay)
        await self._enter(line)
        try:
            yield
        finally:
            self._leave(line)

    async def _enter(self, line: Line) -> None:
        if self._free and not line.replay:  # then nobody who might come in waits
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(line, (line, turn))
        self._let_in()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._leave(line)  # it had its place already
            raise

    def _leave(self, line: Line) -> None:
        self._free += 1
        self._waiting.done(line)
        self._let_in()

    def _let_in(self) -> None:
        while self._free and self._waiting.ready:
            line, turn = self._waiting.pop()
            if turn.done():  # it was cancelled while it waited
                self._waiting.done(line)
            else:
                self._free -= 1
                turn.set_result(None)
