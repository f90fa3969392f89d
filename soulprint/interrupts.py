"""What a command that works does when it is told to stop, by Ctrl-C, SIGTERM or a terminal that goes away.

Each signal cancels its task, and it says what the same command will do. Once the end is in the database, one
signal is no reason to leave its files unwritten; once all is written, none does anything. So the exit code
and the words are always what is so.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from shared.domain.errors import SoulprintError
from soulprint.signals import NOT_BEGUN, end_at_once, exit_code, handle

T = TypeVar("T")


class StoppedError(SoulprintError):
    """A signal ended the command; the message says how things stand."""

    def __init__(self, words: str, number: int) -> None:
        super().__init__(words)
        self.exit_code = exit_code(number)


class Interrupts:
    """The signals that one command gets while it works. Made without `interruptible`, it hears of none."""

    def __init__(self, words: str = NOT_BEGUN) -> None:
        self.words = words
        """What is said if it is stopped now."""
        self.number = 0
        """The first signal; 0 before."""
        self._task: asyncio.Task[object] | None = None
        self._held = False
        self._deaf = False

    @contextmanager
    def held(self, words: str) -> Iterator[None]:
        """A block that the first signal does not stop, only a further one; then `words` are said."""
        self.words, self._held = words, True
        try:
            yield
        finally:
            self._held = False

    @contextmanager
    def unheard(self) -> Iterator[None]:
        """A short block that no signal stops: to find out what is so."""
        self._deaf = True
        try:
            yield
        finally:
            self._deaf = False

    def over(self) -> None:
        """All is done: what is left is to close and to say so, and no signal changes it."""
        self._deaf = True

    def forgive(self) -> bool:
        """In a task that was cancelled: whether a signal did it; then the task may go on."""
        task = asyncio.current_task()
        if self.number == 0 or task is None:
            return False
        while task.cancelling():
            task.uncancel()
        return True

    def hear(self, number: int, _: FrameType | None) -> None:
        """The handler."""
        first, self.number = self.number == 0, self.number or number
        if self._task is None:
            return
        if not self._task.done():
            self._task.get_loop().call_soon_threadsafe(self._cancel, self._task, first)
        elif not first and not self._deaf:  # all is closed, but for a thread that still reads a file
            end_at_once(self.number, self.words)

    def _cancel(self, task: asyncio.Task[object], first: bool) -> None:
        """In the loop, where no step of the task is half done."""
        if not self._deaf and not (first and self._held):
            task.cancel()

    async def work(self, body: Callable[[Interrupts], Coroutine[object, object, T]]) -> T:
        """`body` in this task, which signals cancel from now on."""
        self._task = asyncio.current_task()
        if self.number:
            raise asyncio.CancelledError
        return await body(self)


def interruptible(body: Callable[[Interrupts], Coroutine[object, object, T]], words: str = NOT_BEGUN) -> T:
    """Run `body` to its end. Afterwards signals are ignored: nothing contradicts the exit code any more.

    Raises StoppedError where a signal stopped it, and what `body` raises.
    """
    interrupts = Interrupts(words)
    handle(interrupts.hear)
    try:
        return asyncio.run(interrupts.work(body))
    except asyncio.CancelledError:
        if interrupts.number == 0:
            raise
        raise StoppedError(interrupts.words, interrupts.number) from None
    finally:
        handle(signal.SIG_IGN)
