"""Processes of ours without the second and a half that importing takes each: a process that has imported
everything forks one for each command or service, which is a process of its own all the same, to be killed or
stopped.

    python -m tests.support.forking FD    # what `ForkServer` starts
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from services.extractor.batch_desk import BatchDesk
from soulprint import signals
from tests.support.command import SECONDS, Finished, Soulprint

_CODE = struct.Struct("i")


class Forked:
    """A process that runs or has ended: the part of subprocess.Popen that tests use."""

    def __init__(self, status: socket.socket) -> None:
        self._status = status
        self.returncode: int | None = None
        self.pid: int = _CODE.unpack(status.recv(_CODE.size, socket.MSG_WAITALL))[0]

    @property
    def code(self) -> int:
        """How it ended."""
        assert self.returncode is not None
        return self.returncode

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self._ended(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """The exit code, once it has ended. Raises subprocess.TimeoutExpired."""
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired("soulprint", timeout or 0.0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            self._status.settimeout(timeout)
            try:
                self.returncode = _CODE.unpack(self._status.recv(_CODE.size))[0]
            except (TimeoutError, BlockingIOError):
                return None
            self._status.close()
        return self.returncode


class ForkedCommand(Forked):
    """A command, and what it prints."""

    def __init__(self, status: socket.socket, folder: tempfile.TemporaryDirectory[str]) -> None:
        super().__init__(status)
        self._folder = folder

    @property
    def out(self) -> str:
        """What it has printed on standard output so far."""
        return (Path(self._folder.name) / "out").read_text("utf-8")

    @property
    def err(self) -> str:
        """What it has printed on standard error so far."""
        return (Path(self._folder.name) / "err").read_text("utf-8")

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it printed, once it has ended. Raises subprocess.TimeoutExpired."""
        self.wait(timeout)
        printed = self.out, self.err
        self._folder.cleanup()
        return printed


class ForkServer:
    """The process that forks."""

    def __init__(self) -> None:
        self._ordering = threading.Lock()
        self._socket, theirs = socket.socketpair()
        number = str(theirs.fileno())
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forking", number],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()

    def command(self, arguments: Sequence[str], environment: Mapping[str, str]) -> ForkedCommand:
        """Start a `soulprint` command in a process group of its own."""
        folder = tempfile.TemporaryDirectory(prefix="soulprint-command-")
        with (Path(folder.name) / "out").open("wb") as out, (Path(folder.name) / "err").open("wb") as err:
            status = self._order("soulprint", arguments, environment, out, err)
        return ForkedCommand(status, folder)

    def command_on(
        self, stream: IO[bytes], arguments: Sequence[str], environment: Mapping[str, str]
    ) -> Forked:
        """The same, where both its streams are `stream`."""
        return Forked(self._order("soulprint", arguments, environment, stream, stream))

    def service(
        self, module: str, arguments: Sequence[str], environment: Mapping[str, str], log: IO[bytes]
    ) -> Forked:
        """Start a service, by `soulprint` or tests.support.tuned_service, in a process group of its own."""
        return Forked(self._order(module, arguments, environment, log, log))

    def _order(
        self,
        module: str,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        out: IO[bytes],
        err: IO[bytes],
    ) -> socket.socket:
        """Where the process tells its id and its end."""
        ours, theirs = socket.socketpair()
        order = json.dumps([module, list(arguments), dict(environment)]).encode()
        fds = [out.fileno(), err.fileno(), theirs.fileno()]
        with self._ordering:
            socket.send_fds(self._socket, [struct.pack("I", len(order))], fds)
            self._socket.sendall(order)
        theirs.close()
        return ours

    def close(self) -> None:
        """End it."""
        self._socket.close()
        self._process.wait(10)


@dataclass(frozen=True)
class ForkedSoulprint:
    """Commands over one SOULPRINT_HOME, forked."""

    command: Soulprint
    server: ForkServer

    def start(self, *arguments: str | Path) -> ForkedCommand:
        """Start a command in a process group of its own."""
        return self.server.command([*map(str, arguments)], self.command.environment())

    def __call__(self, *arguments: str | Path) -> Finished:
        """Run a command to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(SECONDS)
        return Finished(process.code, out, err)


def _serve(orders: socket.socket) -> tuple[str, list[str]] | None:
    """Fork for each order. Gives module and arguments in the new process, and None in the server's end."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        head, fds, _, _ = socket.recv_fds(orders, 4, 3)
        if not head:
            return None
        order = json.loads(orders.recv(struct.unpack("I", head)[0], socket.MSG_WAITALL))
        if os.fork() == 0:
            orders.close()
            return _begin(order, *fds)
        for fd in fds:
            os.close(fd)


def _begin(order: tuple[str, list[str], dict[str, str]], out: int, err: int, status: int) -> Any:
    """Fork the process; this one stays behind to tell how it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the tests made of it
    signal.pthread_sigmask(signal.SIG_BLOCK, signals.SIGNALS)  # one that comes now is for the command
    pid = os.fork()
    if pid:
        with socket.socket(fileno=status) as telling:
            telling.sendall(_CODE.pack(pid))
            _end_with(telling, pid)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            with suppress(OSError):  # nobody is there to be told
                telling.sendall(_CODE.pack(code))
        os._exit(0)
    os.setsid()
    for fd, place in ((out, 1), (err, 2)):
        os.dup2(fd, place)
    os.closerange(3, 1024)
    module, arguments, environment = order
    os.environ.clear()
    os.environ.update(environment)
    if module == "soulprint":
        signals.begin()  # as `python -m soulprint` does before it imports
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signals.SIGNALS)
    return module, arguments


def _tuned_main(main: Callable[[], None]) -> Callable[[], None]:
    """The command, with what only tests may set. TUNED_GATHER_SECONDS: how long the first chunk of a batch
    waits for others."""

    def tuned() -> None:
        if gather := os.environ.get("TUNED_GATHER_SECONDS"):
            defaults = BatchDesk.__init__.__kwdefaults__
            assert "gather" in defaults
            defaults["gather"] = float(gather)
        main()

    return tuned


def _end_with(tests: socket.socket, pid: int) -> None:
    """Return when the process has ended; kill -9 it once the tests that started it are gone."""
    if hasattr(os, "pidfd_open"):
        ended = os.pidfd_open(pid)
        if ended not in select.select([ended, tests], [], [])[0]:
            os.killpg(pid, signal.SIGKILL)
        os.close(ended)


if __name__ == "__main__":
    import shared.models.claude.model as imported_for_its_time  # noqa: F401 - for all processes at once
    import soulprint.main
    import soulprint.run
    import tests.support.tuned_service
    from shared.host.services import opener_of
    from shared.pipelines import SERVICES

    for name in SERVICES:
        if find_spec(f"services.{name}") is not None:
            opener_of(name)
    gc.freeze()  # nothing that was imported is looked at again in each process
    given = _serve(socket.socket(fileno=int(sys.argv[1])))
    if given is not None:
        sys.argv = [*given[:1], *given[1]]
        mains = {
            "soulprint": _tuned_main(soulprint.main.main),
            "tests.support.tuned_service": tests.support.tuned_service.main,
        }
        mains[given[0]]()
