"""Work that could hold this process, done by others: see child.py for what they are."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from shared.domain.errors import SoulprintError
from shared.workers.frames import (
    CRASHED,
    END,
    ERROR,
    HEADER_BYTES,
    HELD,
    NO_PROCESS,
    OF_THE_MACHINE,
    OUT_OF_MEMORY,
    PROGRESS,
    STOOD_STILL,
    VALUE,
    announced,
    frame,
    value_of,
)

STARTS = 3
"""How often the process that forks is started anew for one task."""
_AHEAD = 256 * 1024
"""Bytes of a worker's that wait here for whoever takes them."""
_ROOT = str(Path(__file__).resolve().parents[2])
_PROGRAM = (
    "import sys; sys.path += sys.argv[1].split(sys.argv[2]); from shared.workers.child import main; main()"
)
"""Without site packages or environment: smaller, and nothing in the current folder can get in its way."""
_KEPT = ("TMPDIR", "TMP", "TEMP")
"""What of the environment a worker is told: where copies of archives in archives lie."""


Process = asyncio.subprocess.Process


class WorkerError(SoulprintError):
    """A worker gave no answer. `reason` says why: the words of an error of ours, else no word of its own."""

    def __init__(self, reason: str, *, kind: str = "", ended: bool = False) -> None:
        super().__init__(reason)
        self.kind = kind
        """The class of the error that the task raised; empty: none that it could tell."""
        self.ended = ended
        """Whether the machine may be to blame: its process ended, or met what is no doing of the task's."""


@dataclass(frozen=True, slots=True)
class WorkerPolicy:
    """What one task may take."""

    memory: int = 512 * 1024 * 1024
    """Bytes of its process."""
    patience: float = 60.0
    """Seconds of processor time without progress after which it is ended."""


class Answers:
    """What a worker says about one task, as it comes. `answer` is None before there is one."""

    def __init__(self, reader: asyncio.StreamReader, progress: Callable[[Any], None]) -> None:
        self._reader = reader
        self._progress = progress
        self.answer: Any = None

    async def values(self) -> AsyncIterator[Any]:
        """The task's values; when they have ended, its answer is there. Raises WorkerError; OSError
        where no process could be forked."""
        while True:
            kind, value = await self._next()
            if kind == VALUE:
                yield value
            elif kind == PROGRESS:
                self._progress(value)
            elif kind == END:
                self.answer = value
                return
            elif kind == ERROR:
                raise _failure(value)
            else:
                raise WorkerError("what it said is no answer (its kind)")

    async def _next(self) -> tuple[bytes, Any]:
        try:
            header = await self._reader.readexactly(HEADER_BYTES)
            if header == HELD:
                raise WorkerError("it made no progress", kind=STOOD_STILL)
            if header == CRASHED:
                raise WorkerError("its interpreter crashed", ended=True)
            size, kind = announced(header)
            return kind, value_of(await self._reader.readexactly(size))
        except (asyncio.IncompleteReadError, OSError):
            raise WorkerError("it was killed, or could not be begun", ended=True) from None
        except ValueError as error:
            raise WorkerError(f"what it said is no answer ({type(error).__name__})") from None


def _failure(value: Any) -> WorkerError | OSError:
    if not isinstance(value, list) or len(value) != 2:
        return WorkerError("what it said is no answer (its error)")
    kind, words = (str(each) for each in value)
    if kind == NO_PROCESS:
        return BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    if kind == OF_THE_MACHINE:
        return WorkerError(words, kind=kind, ended=True)
    if kind == STOOD_STILL:
        return WorkerError("it made no progress", kind=kind)
    if kind == OUT_OF_MEMORY:
        return WorkerError("it needs more memory than it may take", kind=kind)
    return WorkerError(words or kind, kind=kind)


class Workers(AbstractAsyncContextManager["Workers"]):
    """Does tasks of `modules` in processes of their own, forked from one that is kept, which starts with the
    first task. When the block ends, no task may be under way."""

    def __init__(self, *modules: str) -> None:
        self._modules = modules
        self._control: socket.socket | None = None
        self._template: Process | None = None
        self._starting = asyncio.Lock()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._end()

    @asynccontextmanager
    async def task(
        self, module: str, argument: Any, policy: WorkerPolicy, progress: Callable[[Any], None]
    ) -> AsyncIterator[Answers]:
        """One task, for the block: left early, it is ended. `progress` is called with what it says of how far
        it is, while its values are waited for. Raises OSError where no process can be started."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                await self._pass(theirs)
        except BaseException:
            ours.close()
            raise
        reader, writer = await asyncio.open_connection(sock=ours, limit=_AHEAD)
        try:
            request = {"module": module, "argument": argument, "memory": policy.memory}
            writer.write(frame(VALUE, request | {"patience": policy.patience}))
            yield Answers(reader, progress)
        finally:
            writer.transport.abort()

    async def _pass(self, theirs: socket.socket) -> None:
        """Have a child forked for what is said at this socket."""
        for attempt in range(STARTS):
            async with self._starting:
                if self._control is None or self._template is None or self._template.returncode is not None:
                    await self._end()
                    self._control, its = socket.socketpair()
                    with its:
                        self._template = await _started(its, self._modules)
                try:
                    socket.send_fds(self._control, [b"."], [theirs.fileno()])
                    return
                except OSError:  # it has just died
                    await self._end()
                    if attempt == STARTS - 1:
                        raise

    async def _end(self) -> None:
        control, self._control = self._control, None
        template, self._template = self._template, None
        if control is not None:
            control.close()
        if template is not None:
            await _ended(template)


async def _started(theirs: socket.socket, modules: Sequence[str]) -> Process:
    """In a session of its own: a signal to all of a terminal must not reach it."""
    descriptor, nowhere = theirs.fileno(), asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", _PROGRAM, os.pathsep.join(_paths()), os.pathsep,
        ",".join((str(descriptor), *modules)),
        stdin=nowhere, stdout=nowhere, stderr=nowhere,
        env={name: os.environ[name] for name in _KEPT if name in os.environ},
        pass_fds=(descriptor,), start_new_session=True,
    )  # fmt: skip


async def _ended(process: Process) -> None:
    """It ends as its socket does; wherever it stands, at once."""
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _paths() -> list[str]:
    """Where our own modules are, and the libraries that tasks need."""
    found = [_ROOT]
    for name in ("orjson", "ijson"):
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            found.append(str(Path(spec.origin).parents[1]))
    return list(dict.fromkeys(found))
