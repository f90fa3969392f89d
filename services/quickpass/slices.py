"""Who reads next, where several exports are read in one event loop: the one that was read least so far. So a
small export is through in its own time, however many large ones are at work."""

from __future__ import annotations

import asyncio
import heapq
from contextlib import AbstractAsyncContextManager
from itertools import count
from types import TracebackType


class Slices:
    """One reads at a time."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    def reading(self) -> Reader:
        """For one export: enter it to read, and `rest` between slices."""
        return Reader(self)

    async def wait(self, spent: float) -> None:
        """Return when it is the turn of an export that was read for so long."""
        if self._taken:
            turn = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (spent, next(self._order), turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self.pass_on()  # it was ours already
                raise
        self._taken = True

    def pass_on(self) -> None:
        """The turn is over: it is the next one's."""
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._taken = False

    def is_behind(self, spent: float) -> bool:
        """Whether somebody waits who was read for less."""
        while self._waiting and self._waiting[0][2].done():
            heapq.heappop(self._waiting)
        return bool(self._waiting) and self._waiting[0][0] < spent


class Reader(AbstractAsyncContextManager["Reader"]):
    """The turns of one export: its own while the block lasts, but for rests."""

    def __init__(self, slices: Slices) -> None:
        self._slices = slices
        self._mine = False

    async def __aenter__(self) -> Reader:
        await self._take(0.0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._mine:
            self._slices.pass_on()

    async def rest(self, spent: float) -> None:
        """Let the loop turn, and whoever was read for less than `spent` seconds go before."""
        await asyncio.sleep(0)
        if self._slices.is_behind(spent):
            self._mine = False
            self._slices.pass_on()
            await self._take(spent)

    async def _take(self, spent: float) -> None:
        await self._slices.wait(spent)
        self._mine = True
