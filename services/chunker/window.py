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
    """Lets a chunk go when fewer than `size` of those let go before it are unfinished.

    `done` chunks were recorded before the first of them: few or most of the run, anywhere in it. The others
    go again, however often the run was interrupted, so what is unfinished is what was let go here, less what
    was recorded since.
    """

    def __init__(
        self, watch: Callable[[], Awaitable[RunWatch | None]], size: int, patience: float, done: int = 0
    ) -> None:
        self._watch = watch
        self._size = size
        self._patience = patience
        self._gone = done
        """Chunks recorded at first, and those let go since."""
        self.done = done
        """Chunks known to be recorded."""

    async def look(self) -> None:
        """Ask how far the run is. Raises RunEndedError."""
        seen = await self._watch()
        if seen is None or seen.ended:
            raise RunEndedError("gone" if seen is None else seen.state)
        self.done = seen.done

    async def admit(self) -> None:
        """Return when one more chunk may go. Raises RunEndedError, StalledError."""
        await self._wait_for_room()
        self._gone += 1

    async def _wait_for_room(self) -> None:
        if self._gone - self.done < self._size:
            return
        moved, wait = time.monotonic(), _FIRST_WAIT
        while True:
            before = self.done
            await self.look()
            if self._gone - self.done < self._size:
                return
            if self.done != before:
                moved, wait = time.monotonic(), _FIRST_WAIT
            elif time.monotonic() - moved > self._patience:
                raise StalledError(f"no chunk was recorded for {self._patience:.0f} s")
            await asyncio.sleep(wait)
            wait = min(_LONGEST_WAIT, wait * 1.5)
