"""How many calls at a time, and how many tokens a minute."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

SPACING = 0.004
"""Seconds between two calls that set out. Calls that set out together come back together, and then each waits
for the work on all of them (some 2 ms a call); spread out, the wait is for one. It also spares the provider
bursts."""


class Concurrency:
    """Additive increase, multiplicative decrease, under a ceiling. Used from one event loop only.

    A call that was told to slow down halves the limit, unless it was sent before the last halving: what was
    in flight then says nothing about the new limit. As many successes as the limit is wide, a *window*, raise
    it by one.
    """

    def __init__(self, ceiling: int) -> None:
        if ceiling < 1:
            raise ValueError("the ceiling is at least 1")
        self.ceiling = ceiling
        self.limit = ceiling
        self.in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._good = 0
        self._halved_at = float("-inf")
        self._closed_until = 0.0
        self._next_at = 0.0

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[float]:
        """Hold one of the slots; gives the loop's time at which the call was let out."""
        await self._enter()
        try:
            yield asyncio.get_running_loop().time()
        finally:
            self.in_flight -= 1
            self._admit()

    def succeeded(self) -> None:
        """A call came back."""
        if self.limit >= self.ceiling:
            return
        self._good += 1
        if self._good >= self.limit:
            self._good = 0
            self.limit += 1
            self._admit()

    def slow_down(self, sent_at: float, wait: float | None) -> None:
        """A call sent at `sent_at` was told to slow down, and perhaps to `wait` so many seconds."""
        now = asyncio.get_running_loop().time()
        self._good = 0
        if sent_at > self._halved_at:
            self._halved_at = now
            self.limit = max(1, self.limit // 2)
        if wait is not None:
            self._closed_until = max(self._closed_until, now + wait)

    async def _enter(self) -> None:
        if self.in_flight < self.limit and not self._waiting:
            self.in_flight += 1
        else:
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                else:  # let in and cancelled at once
                    self.in_flight -= 1
                    self._admit()
                raise
        try:
            await self._opening()
            await self._spread()
        except asyncio.CancelledError:
            self.in_flight -= 1
            self._admit()
            raise

    async def _opening(self) -> None:
        """Wait out what a server asked for, also what it asks for meanwhile."""
        wait = self._closed_until - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)
            await self._opening()
            await self._spread()

    async def _spread(self) -> None:
        now = asyncio.get_running_loop().time()
        at = max(now, self._next_at)
        self._next_at = at + SPACING
        if at > now:
            await asyncio.sleep(at - now)

    def _admit(self) -> None:
        while self._waiting and self.in_flight < self.limit:
            turn = self._waiting.popleft()
            if not turn.done():
                self.in_flight += 1
                turn.set_result(None)


class TokenRate:
    """At most so many tokens a minute: a bucket that refills steadily and may owe.

    What a call will take is estimated before it and put right after it, so errors do not add up.
    """

    def __init__(self, tokens_per_minute: int | None) -> None:
        self._per_second = None if tokens_per_minute is None else tokens_per_minute / 60
        self._room = float(tokens_per_minute or 0)
        self._most = self._room
        self._at: float | None = None
        self._turn = asyncio.Lock()

    async def take(self, tokens: int) -> None:
        """Wait until there is room for `tokens`; more than a minute's worth waits for a full bucket."""
        if self._per_second is None:
            return
        async with self._turn:
            short = min(float(tokens), self._most) - self._refilled()
            if short > 0:
                await asyncio.sleep(short / self._per_second)
            self._room -= tokens

    def settle(self, taken: int, used: int) -> None:
        """The call for which `taken` were taken used `used`."""
        self._room += taken - used

    def _refilled(self) -> float:
        now = asyncio.get_running_loop().time()
        if self._at is not None and self._per_second is not None:
            self._room = min(self._most, self._room + (now - self._at) * self._per_second)
        self._at = now
        return self._room
