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
    OF_THE_MACHINE,
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
        request = _request(asked)
    except (OSError, EOFError):
        return  # nobody waits for an answer any more
    _Run(asked, request).go()


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


class _Line:
    """What is said to whoever asked. Where they are gone, nothing is left to do, and the process ends."""

    def __init__(self, asked: socket.socket) -> None:
        self._asked = asked
        self._turn = threading.Lock()
        self._rest = b""
        """Of what was told in passing, what there was no room for."""

    def say(self, data: bytes) -> None:
        """Return when it is on its way, however long whoever asked takes nothing."""
        with self._turn:
            try:
                self._asked.sendall(self._rest + data)
            except OSError:
                os._exit(0)
            self._rest = b""

    def tell(self, data: bytes) -> bool:
        """Say it in passing; False where there is no room for it now."""
        if not self._turn.acquire(blocking=False):
            return False
        try:
            self._rest = self._rest[self._pass(self._rest) :]
            if self._rest:
                return False
            gone = self._pass(data)
            self._rest = data[gone:] if gone else b""
            return gone > 0
        finally:
            self._turn.release()

    def _pass(self, data: bytes) -> int:
        try:
            return self._asked.send(data, socket.MSG_DONTWAIT) if data else 0
        except BlockingIOError:
            return 0
        except OSError:
            os._exit(0)


class _Run:
    """One task, with somebody beside it who tells how far it is and ends it where it stands still."""

    def __init__(self, asked: socket.socket, request: dict[str, Any]) -> None:
        self._line = _Line(asked)
        self._patience = float(request["patience"])
        self._nicer = list(NICER_AFTER)
        self._sent = 0
        self._over = threading.Event()
        _tell_the_worst(asked)
        _go_first()
        _bound_memory(request["memory"])
        self._request = request

    def go(self) -> None:
        self._allow()
        try:
            task: Task = importlib.import_module(self._request["module"]).task(self._request["argument"])
            self._look_after(task)
            steps = task.run()
            while True:
                try:
                    value = next(steps)
                except StopIteration as end:
                    self._send(END, end.value)
                    return
                self._send(VALUE, value)
        except OSError as error:  # a disk, a descriptor: the machine, not the task
            what = os.strerror(error.errno) if error.errno else type(error).__name__
            self._send(ERROR, [OF_THE_MACHINE, f"{what}, {place_of(error)}"])
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
        self._sent += 1
        self._line.say(data)

    def _allow(self) -> None:
        """So much processor time more, and the system ends this process: that needs no interpreter."""
        signal.setitimer(signal.ITIMER_PROF, self._patience)

    def _look_after(self, task: Task) -> None:
        try:
            threading.Thread(target=self._watch, args=(task,), daemon=True).start()
        except RuntimeError:  # the machine has no thread for it
            os._exit(1)

    def _watch(self, task: Task) -> None:
        """Every moment: how far is it? Where the interpreter itself is held, as by a regular expression, this
        does not run, and the time that was allowed runs out. It is processor time, and moments are counted
        and not hours: a process that is stopped, or gets no turn, does not stand still."""
        progress: Any = None
        known: tuple[Any, int] | None = None
        used, beats = time.process_time(), 0
        while not self._over.wait(BEAT_SECONDS):
            self._allow()
            beats += 1
            while self._nicer and time.process_time() > self._nicer[0]:
                self._nicer.pop(0)
                with suppress(OSError):
                    os.nice(NICER)
            with suppress(Exception):  # it is read while it changes
                progress = task.progress()
            now = progress, self._sent
            # where there is no room, whoever asked takes nothing: no fault of ours
            if not self._line.tell(frame(PROGRESS, progress)) or now != known:
                known, used, beats = now, time.process_time(), 0
            elif self._stands(time.process_time() - used, beats * BEAT_SECONDS) and self._line.tell(
                frame(ERROR, [STOOD_STILL, ""])
            ):
                os._exit(1)

    def _stands(self, used: float, seconds: float) -> bool:
        return used > self._patience or seconds > max(STANDS_SECONDS, self._patience)


def _tell_the_worst(asked: socket.socket) -> None:
    """Whoever asked is told of an end that needs no interpreter: by the beginning of its traceback, which
    holds places in the code alone."""
    faulthandler.enable(asked.fileno(), all_threads=False)
    faulthandler.register(signal.SIGPROF, asked.fileno(), all_threads=False, chain=True)


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
