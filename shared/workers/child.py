"""A worker: a lean process that does one task for another one, and holds nothing that a stranger could want.

    SOCKET,MODULE...   (see workers.py)

It has no environment, no connection and no key. It stays as it is after its imports: for each socket that it
is passed it forks a child that does one task, which costs a millisecond and little memory. Whatever that
meets holds nobody up: a task that stands still is ended here, by its own process.
"""

from __future__ import annotations

import faulthandler
import gc
import importlib
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from typing import Any

from shared.domain.errors import SoulprintError
from shared.domain.told import place_of
from shared.workers.frames import (
    END,
    ERROR,
    HEADER_BYTES,
    NO_PROCESS,
    OUT_OF_MEMORY,
    PROGRESS,
    STOOD_STILL,
    VALUE,
    announced,
    frame,
    value_of,
)
from shared.workers.task import Task

BEAT_SECONDS = 0.5
"""Between two words of how far a task is."""
STANDS_SECONDS = 600.0
"""A task that waits for a disk makes no progress either, and costs nobody a processor."""
NICER_AFTER = (1.0, 10.0)
"""Seconds of processor time after which a task gives way: a small one is through in its own time."""
NICER = 5
REFUSAL_SECONDS = 5.0
"""For whoever is refused to say what they wanted: others wait meanwhile."""


def main() -> None:
    """Serve the process at the other end of the socket until it closes it or is gone."""
    descriptor, *modules = sys.argv[-1].split(",")
    for module in modules:
        importlib.import_module(module)
    with socket.socket(fileno=int(descriptor)) as control:
        _fork(control)


def _fork(control: socket.socket) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system takes away what has ended
    gc.collect()
    gc.freeze()  # else the first collection of a child would copy all that it shares
    while True:
        data, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not data:
            return
        with socket.socket(fileno=descriptors[0]) as asked:
            try:
                child = os.fork()
            except OSError:  # a limit on processes, or no memory: nothing is said of the task
                _refuse(asked)
                continue
            if child == 0:
                control.close()
                try:
                    _serve(asked)
                finally:
                    os._exit(0)


def _serve(asked: socket.socket) -> None:
    try:
        _Run(asked, _request(asked)).go()
    except (OSError, EOFError):
        return  # nobody waits for an answer any more


def _refuse(asked: socket.socket) -> None:
    asked.settimeout(REFUSAL_SECONDS)
    with suppress(OSError, EOFError):
        _request(asked)  # what is not taken would break the connection before the answer is read
        asked.sendall(frame(ERROR, [NO_PROCESS, ""]))


def _request(asked: socket.socket) -> dict[str, Any]:
    size, _ = announced(_received(asked, HEADER_BYTES))
    request: dict[str, Any] = value_of(_received(asked, size))
    return request


def _received(asked: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        more = asked.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return bytes(data)


class _Run:
    """One task, with somebody beside it who tells how far it is and ends it where it stands still."""

    def __init__(self, asked: socket.socket, request: dict[str, Any]) -> None:
        self._asked = asked
        self._patience = float(request["patience"])
        self._nicer = list(NICER_AFTER)
        self._sending = threading.Lock()
        self._sent = 0
        self._over = threading.Event()
        _go_first()
        _bound_memory(request["memory"])
        self._request = request

    def go(self) -> None:
        faulthandler.dump_traceback_later(self._patience, exit=True)
        try:
            task: Task = importlib.import_module(self._request["module"]).task(self._request["argument"])
            threading.Thread(target=self._watch, args=(task,), daemon=True).start()
            steps = task.run()
            while True:
                try:
                    value = next(steps)
                except StopIteration as end:
                    self._send(END, end.value)
                    return
                self._send(VALUE, value)
        except OSError:
            raise
        except MemoryError:
            self._send(ERROR, [OUT_OF_MEMORY, ""])
        except SoulprintError as error:
            self._send(ERROR, [type(error).__name__, str(error)])
        except Exception as error:  # of what a stranger wrote: its words could be theirs
            self._send(ERROR, [type(error).__name__, place_of(error)])
        finally:
            self._over.set()

    def _send(self, kind: bytes, value: Any) -> None:
        data = frame(kind, value)
        with self._sending:
            self._sent += 1
            self._asked.sendall(data)

    def _watch(self, task: Task) -> None:
        """Every moment: how far is it? Where the interpreter itself is held, as by a regular expression, this
        does not run, and `faulthandler`, which needs no interpreter, ends the process."""
        known: tuple[Any, int] | None = None
        used, moved = time.process_time(), time.monotonic()
        while not self._over.wait(BEAT_SECONDS):
            faulthandler.dump_traceback_later(self._patience, exit=True)
            while self._nicer and time.process_time() > self._nicer[0]:
                self._nicer.pop(0)
                os.nice(NICER)
            progress = task.progress()
            now = progress, self._sent
            waits = not self._sending.acquire(blocking=False)  # whoever asked takes nothing: no fault of ours
            if not waits:
                try:
                    self._asked.sendall(frame(PROGRESS, progress))
                    if now == known and (
                        time.process_time() - used > self._patience
                        or time.monotonic() - moved > max(STANDS_SECONDS, self._patience)
                    ):
                        self._asked.sendall(frame(ERROR, [STOOD_STILL, ""]))
                        os._exit(1)
                except OSError:
                    os._exit(0)
                finally:
                    self._sending.release()
            if waits or now != known:
                known, used, moved = now, time.process_time(), time.monotonic()


def _go_first() -> None:
    """Where memory runs out the system is to end a task, not the service that asked for it."""
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as first:
        first.write("1000")


def _bound_memory(most: int) -> None:
    try:
        import resource
    except ImportError:  # a system without limits
        return
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # its memory is a person's history
