"""Exports read beside this process. Whatever one holds, it can stop, fill or end its own reader at most."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import structlog

from shared.domain.errors import BrokenExportError, DiskFullError, SoulprintError, UnreadableExportError
from shared.exports.conversation import ReadLimits
from shared.exports.task import argument_of
from shared.settings import Settings
from shared.workers.frames import OUT_OF_MEMORY, STOOD_STILL
from shared.workers.threads import InThread, Threads
from shared.workers.workers import Answers, WorkerError, WorkerPolicy, Workers

T = TypeVar("T")

log = structlog.get_logger(__name__)

_OURS = frozenset({UnreadableExportError.__name__, BrokenExportError.__name__})
"""Errors of a reading whose words say what is wrong with the export."""


PAUSES = (1.0, 5.0, 20.0, 60.0)
"""Seconds before an export is read again whose reader has ended: a machine short of memory finds some."""


class ReaderEndedError(SoulprintError):
    """The process that read an export ended, not by its own doing. It may be the export's fault, or the
    machine's: whoever meets it again and again for the same export knows."""


async def once_more(read: Callable[[], Awaitable[T]], ids: Mapping[str, object]) -> T:
    """What `read` answers, called again after each of PAUSES if its reader ends without a word. Raises
    UnreadableExportError if the last one does so, too; what `read` raises."""
    for pause in PAUSES:
        try:
            return await read()
        except ReaderEndedError as ended:
            log.warning("reading again", reason=str(ended), seconds=pause, **ids)
        await asyncio.sleep(pause)
    try:
        return await read()
    except ReaderEndedError as ended:
        raise UnreadableExportError(f"{ended}; so did the {len(PAUSES)} before it") from None


class Readers:
    """Reads exports by one kind of task, `module` (see task.py), as the settings allow, by `workers`."""

    def __init__(self, module: str, settings: Settings, workers: Workers | Threads) -> None:
        self._module = module
        self._workers = workers
        self._policy = WorkerPolicy(settings.reading_memory_bytes, settings.reading_patience)

    @asynccontextmanager
    async def reading(
        self,
        paths: Sequence[Path],
        limits: ReadLimits,
        more: dict[str, Any],
        progress: Callable[[Sequence[int]], None],
    ) -> AsyncIterator[Answers | InThread]:
        """One reading, for the block; `progress` is told how far it is. Raises UnreadableExportError for what
        is the export's fault, be it that its reading stands still or needs too much memory; DiskFullError;
        ReaderEndedError; OSError where no process can be had."""
        far: Sequence[int] = ()

        def note(value: Sequence[int]) -> None:
            nonlocal far
            far = value
            progress(value)

        try:
            async with self._workers.task(
                self._module, argument_of(list(paths), limits, more), self._policy, note
            ) as answers:
                yield answers
        except WorkerError as error:
            raise self._meaning(error, f"byte {far[0]} of {far[1]}" if far else "its beginning") from None

    def _meaning(self, error: WorkerError, place: str) -> SoulprintError:
        if error.kind in _OURS:
            return UnreadableExportError(str(error))
        if error.kind == DiskFullError.__name__:
            return DiskFullError(str(error))
        if error.kind == OUT_OF_MEMORY:
            return UnreadableExportError(
                f"at {place} its reading needs more than {self._policy.memory} bytes of memory "
                "(SOULPRINT_READING_MEMORY_BYTES)"
            )
        if error.kind == STOOD_STILL:
            return UnreadableExportError(
                f"its reading stands still at {place}: {self._policy.patience:g} s of a processor brought it "
                "no further (SOULPRINT_READING_PATIENCE)"
            )
        if error.ended:
            return ReaderEndedError(f"the process that read the export ended at {place}: {error}")
        return UnreadableExportError(f"its reading failed at {place} ({error}); please report it")
