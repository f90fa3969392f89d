"""Fairness: how many chunks of one import may be unfinished at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from shared.domain.errors import SoulprintError
from shared.store.driving import RunWatch

_FIRST_WAIT = 0.01
_LONGEST_WAIT = 0.25
"""Seconds between looks at the run while the window is full."""


class RunEndedError(SoulprintError):
    """The run was cancelled, or ended otherwise, meanwhile. `state` is its state, or gone."""

    def __init__(self, state: str) -> None:
        super().__init__(f"the run is {state}")
        self.state = state


class StalledError(SoulprintError):
    """The window is full and nothing moves: chunks may be lost, so those not recorded must go out again."""


class Window:
    """Lets chunk `index` go when fewer than `size` chunks before it are unfinished.

    Chunks go out in the order of their indices, so `index` less the chunks recorded is what is unfinished,
    however often the run was interrupted.
    """

    def __init__(
        self, watch: Callable[[], Awaitable[RunWatch | None]], size: int, patience: float, done: int = 0
    ) -> None:
        self._watch = watch
        self._size = size
        self._patience = patience
        self.done = done
        """Chunks known to be recorded."""

    async def look(self) -> None:
        """Ask how far the run is. Raises RunEndedError."""
        seen = await self._watch()
        if seen is None or seen.ended:
            raise RunEndedError("gone" if seen is None else seen.state)
        self.done = seen.done

    async def admit(self, index: int) -> None:
        """Return when chunk `index` may go. Raises RunEndedError, StalledError."""
        if index - self.done < self._size:
            return
        moved, wait = time.monotonic(), _FIRST_WAIT
        while True:
            before = self.done
            await self.look()
            if index - self.done < self._size:
                return
            if self.done != before:
                moved, wait = time.monotonic(), _FIRST_WAIT
            elif time.monotonic() - moved > self._patience:
                raise StalledError(f"no chunk was recorded for {self._patience:.0f} s")
            await asyncio.sleep(wait)
            wait = min(_LONGEST_WAIT, wait * 1.5)
