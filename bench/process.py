"""Run a command as a process of its own and measure it: time, and the memory of its Python processes."""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE_SECONDS = 0.02
"""Between two looks at the memory of the known processes."""
SEARCH_EVERY = 10
"""Looks between two searches for new processes: a search reads the whole process table, so it costs more."""
STDERR_KEPT = 4000


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run of a command took."""

    command: tuple[str, ...]
    returncode: int
    seconds: float
    """Wall time from start to end."""
    cpu_seconds: float
    """User and system time of its Python processes, as last seen of each."""
    peak_rss_bytes: int
    """Most memory of its Python processes together at one moment; pages they share count for each."""
    stdout: str
    stderr: str
    """The last 4,000 characters."""


def measure(
    command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Measured:
    """Run `command` to its end. A failing command is no error here: see `returncode`."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=env, cwd=cwd
        )
        sampler = TreeSampler(process.pid)
        sampler.start()
        try:
            returncode = process.wait()
            seconds = time.perf_counter() - started
        except BaseException:
            process.terminate()
            process.wait()
            raise
        finally:
            sampler.stop()
        out.seek(0)
        err.seek(0)
        return Measured(
            tuple(command),
            returncode,
            seconds,
            sampler.cpu_seconds,
            sampler.peak_rss_bytes,
            out.read().decode(errors="replace"),
            err.read().decode(errors="replace")[-STDERR_KEPT:],
        )


class TreeSampler:
    """Watches the Python processes of a process tree from a thread of its own, until stopped."""

    def __init__(self, pid: int) -> None:
        self.peak_rss_bytes = 0
        self._cpu: dict[int, float] = {}
        self._done = threading.Event()
        self._root = psutil.Process(pid)
        self._thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def cpu_seconds(self) -> float:
        """Processor time of all processes seen."""
        return sum(self._cpu.values())

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching; returns when the last look is over."""
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        known: list[psutil.Process] = []
        look = 0
        while not self._done.is_set():
            if look % SEARCH_EVERY == 0:
                known = self._python_processes()
            look += 1
            self.peak_rss_bytes = max(self.peak_rss_bytes, sum(map(self._look, known)))
            self._done.wait(SAMPLE_SECONDS)

    def _look(self, process: psutil.Process) -> int:
        """Its memory now, 0 once it is gone."""
        try:
            times = process.cpu_times()
            self._cpu[process.pid] = times.user + times.system
            return int(process.memory_info().rss)
        except psutil.Error:
            return 0

    def _python_processes(self) -> list[psutil.Process]:
        try:
            tree = [self._root, *self._root.children(recursive=True)]
        except psutil.Error:
            return []
        return [process for process in tree if _is_python(process)]


def _is_python(process: psutil.Process) -> bool:
    """By its executable, since a process can name itself as it likes. Postgres is not ours to count."""
    try:
        return "python" in Path(process.exe()).name.lower()
    except psutil.Error:
        return False
