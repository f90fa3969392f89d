"""Tasks in a thread of this process: for one person who waits for an export of their own."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import TracebackType
from typing import Any, Final

from shared.workers.task import Task
from shared.workers.workers import WorkerPolicy

TELL_SECONDS: Final = 0.5
"""Between two words of how far a task is."""
_OVER: Final = object()


class Threads(AbstractAsyncContextManager["Threads"]):
    """As Workers, without a process: nothing bounds what a task takes, and its errors come as they are."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """There is nothing to end."""

    @asynccontextmanager
    async def task(
        self, module: str, argument: Any, policy: WorkerPolicy, progress: Callable[[Any], None]
    ) -> AsyncIterator[InThread]:
        """See Workers. When the block is left, the thread has left the task."""
        work = InThread(importlib.import_module(module).task(argument), progress)
        try:
            yield work
        finally:
            await asyncio.to_thread(work.close)


class InThread:
    """See workers.Answers."""

    def __init__(self, task: Task, progress: Callable[[Any], None]) -> None:
        self._task = task
        self._steps: Generator[Any, None, Any] = task.run()
        self._progress = progress
        self.answer: Any = None

    async def values(self) -> AsyncIterator[Any]:
        """The task's values; when they have ended, its answer is there. Raises what the task raises."""
        while (value := await self._next()) is not _OVER:
            yield value

    def close(self) -> None:
        """Leave the task where it is."""
        self._steps.close()

    async def _next(self) -> Any:
        work = asyncio.ensure_future(asyncio.to_thread(self._step))
        try:
            while not (await asyncio.wait([work], timeout=TELL_SECONDS))[0]:
                self._progress(self._task.progress())
        except asyncio.CancelledError:
            await asyncio.wait([work])
            work.exception()  # nobody is left to be told
            raise
        return work.result()

    def _step(self) -> Any:
        try:
            return next(self._steps)
        except StopIteration as end:
            self.answer = end.value
            return _OVER
