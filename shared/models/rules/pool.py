"""Extraction in worker processes: several chunks in flight a worker, answers matched by order, workers that
die or fall silent replaced."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections import deque
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from shared.domain.errors import ModelError, SoulprintError
from shared.domain.events import ChunkReady
from shared.models.base import Extraction
from shared.models.rules.extract import extract_candidates, said_in, to_extraction
from shared.models.rules.frames import HEADER_BYTES, READY, body_length, frame, value_of

IN_FLIGHT = 4
"""Chunks given to a worker at a time: the next ones wait in its pipe while it reads the first."""
DEATHS = 2
"""Deaths of a worker under one chunk after which the chunk is given up."""
STARTS = 3
"""How often in a row a process may end before it is ready."""
PATIENCE = 60.0
"""Seconds a worker may be silent while it has a chunk to read, a hundred times what the worst known takes.
Then it is killed: one chunk must not hold an extractor for ever."""
START_PATIENCE = 60.0
"""Seconds a process may take until it is ready; it loads the weights first, from a disk that may be cold."""
_GRACE = 5.0
"""Seconds a worker gets to end by itself."""
_ROOT = str(Path(__file__).resolve().parents[3])
_DETECTOR = find_spec("gcld3")
_LIBRARIES = str(Path(_DETECTOR.origin).parents[1]) if _DETECTOR and _DETECTOR.origin else _ROOT
"""Where the language detector is installed, the one package that the rules ask."""
_PROGRAM = "import sys; sys.path += sys.argv[1:]; from shared.models.rules.worker import main; main()"
"""The worker without site packages or environment: smaller, and nothing in the current folder can get in its
way."""

Answer = tuple[list[Any], list[str], tuple[int, int], str]
Process = asyncio.subprocess.Process


@dataclass(slots=True)
class _Job:
    """One chunk on its way. A worker that was killed because it fell silent has died, too."""

    request: bytes
    answer: asyncio.Future[Answer]
    deaths: int = 0


class OfflineExtractor:
    """Extracts in `workers` processes, or in this one if 0. Workers start with the first chunk.

    A worker that dies is replaced and its chunks in flight are sent again; only the chunk it was reading is
    suspected, and the second death under the same chunk raises ModelError for it. A worker that is silent for
    PATIENCE is killed, which is a death like any other.

    In this process a thread extracts: the loop is free meanwhile.
    """

    def __init__(self, workers: int = 0) -> None:
        self._workers = [_Worker() for _ in range(workers)]
        self._room = asyncio.Semaphore(max(1, workers * IN_FLIGHT))
        self._closed = False

    async def extract(self, chunk: ChunkReady) -> Extraction:
        """Candidates of one chunk. Raises ModelError if extraction cannot cope with it."""
        if self._closed:
            raise ModelError("the offline model is closed")
        if not self._workers:
            return await asyncio.to_thread(extract_candidates, chunk)
        said = said_in(chunk)
        if not said:
            return Extraction(())
        async with self._room:
            worker = min(self._workers, key=_Worker.load)
            found, unread, told, error = await worker.ask(frame(said))
        if error:
            raise ModelError(
                f"the offline rules failed on chunk {chunk.chunk_id} with {error}; please report it"
            )
        return to_extraction(found, unread, told)

    async def close(self) -> None:
        """End the workers. Chunks still in flight get ModelError. Safe to call twice."""
        self._closed = True
        await asyncio.gather(*(worker.close() for worker in self._workers))


class _Worker:
    """One process and the jobs it was given, oldest first. `_run` owns the process and ends with it."""

    def __init__(self) -> None:
        self._jobs: deque[_Job] = deque()
        self._process: Process | None = None
        self._began = False
        self._runs: asyncio.Task[None] | None = None
        self._closed = False
        self._alarm: asyncio.TimerHandle | None = None
        self._was_silent = False

    def load(self) -> int:
        """How many chunks it has in flight."""
        return len(self._jobs)

    async def ask(self, request: bytes) -> Answer:
        """The answer to one request. Raises ModelError if the worker died, or fell silent, twice over it."""
        job = _Job(request, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        if self._process is not None:
            _send(self._process, job)
            if len(self._jobs) == 1:
                self._listen()
        elif self._runs is None or self._runs.done():
            self._runs = asyncio.create_task(self._run())
        return await job.answer

    async def close(self) -> None:
        """End the process, by force if it does not end by itself."""
        self._closed = True
        if self._runs is None:
            return
        if self._process is not None:
            _input_of(self._process).close()
        _, late = await asyncio.wait({self._runs}, timeout=_GRACE)
        if late and self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._runs

    async def _run(self) -> None:
        """Keep a process going while there are jobs; whatever happens, no job is left without an answer."""
        stillborn = 0
        try:
            while self._jobs and not self._closed:
                process = await _start()
                for job in self._jobs:
                    _send(process, job)
                self._process, self._began, self._was_silent = process, False, False
                self._listen()
                await self._collect(process)
                self._process = None
                self._listen()
                await _end(process)
                if self._began:
                    stillborn = 0
                    self._suspect(process)
                elif not self._closed and (stillborn := stillborn + 1) >= STARTS:
                    raise SoulprintError(
                        f"a worker process ended {STARTS} times before it began "
                        f"({self._end_of(process)}); is there enough memory?"
                    )
        except (OSError, SoulprintError) as error:
            self._give_up(error)
        finally:
            self._process = None
            self._listen()
            self._give_up(ModelError("the offline model was closed before it answered"))

    async def _collect(self, process: Process) -> None:
        """Hand out the answers of `process` until its output ends."""
        output = process.stdout
        assert output is not None  # noqa: S101  (it was started with a pipe)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            if self._closed:
                _input_of(process).close()
            while True:
                header = await output.readexactly(HEADER_BYTES)
                answer = value_of(await output.readexactly(body_length(header)))
                if not self._began:
                    self._began = answer is READY
                    self._listen()
                    continue
                job = self._jobs.popleft()
                self._listen()
                if not job.answer.done():
                    job.answer.set_result(answer)

    def _listen(self) -> None:
        """From now on the process has its patience to say something; as long as it likes if nothing is
        asked."""
        if self._alarm is not None:
            self._alarm.cancel()
        waits = self._process is not None and self._jobs
        self._alarm = asyncio.get_running_loop().call_later(self._patience(), self._kill) if waits else None

    def _patience(self) -> float:
        """Seconds that it may be silent: until it is ready, or over a chunk."""
        return PATIENCE if self._began else START_PATIENCE

    def _kill(self) -> None:
        """End a process that is silent; `_collect` sees its output end."""
        self._was_silent = True
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    def _end_of(self, process: Process) -> str:
        """How it came to its end."""
        if self._was_silent:
            return f"silent for {self._patience():g} seconds"
        return f"exit code {process.returncode}"

    def _suspect(self, process: Process) -> None:
        """Count a death against the chunk that was being read; the others are innocent."""
        if self._closed or not self._jobs:
            return
        job = self._jobs[0]
        job.deaths += 1
        if job.deaths >= DEATHS:
            self._jobs.popleft()
            last = self._end_of(process)
            self._fail(job, ModelError(f"the worker process died {DEATHS} times on one chunk ({last})"))

    def _give_up(self, error: BaseException) -> None:
        while self._jobs:
            self._fail(self._jobs.popleft(), error)

    @staticmethod
    def _fail(job: _Job, error: BaseException) -> None:
        if not job.answer.done():
            job.answer.set_exception(error)


async def _start() -> Process:
    """In a session of its own: a signal to all of a terminal must not reach it while it begins."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", _PROGRAM, _ROOT, _LIBRARIES,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip


async def _end(process: Process) -> None:
    """Wait for a process whose output has ended."""
    _input_of(process).close()
    await process.wait()


def _send(process: Process, job: _Job) -> None:
    """Put a request into the pipe's buffer, which IN_FLIGHT bounds; death shows at the output."""
    _input_of(process).write(job.request)


def _input_of(process: Process) -> asyncio.StreamWriter:
    assert process.stdin is not None  # noqa: S101  (it was started with a pipe)
    return process.stdin
