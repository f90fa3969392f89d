"""`soulprint` commands without the second and a half that importing takes each: a process that has imported
everything forks one for each command, which is a process of its own all the same, to be killed or stopped.

    python -m tests.support.forking FD    # what `ForkServer` starts
"""

from __future__ import annotations

import gc
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.command import SECONDS, Finished, Soulprint

_CODE = struct.Struct("i")


class Forked:
    """A command that runs or has ended: the part of subprocess.Popen that tests use."""

    def __init__(self, status: socket.socket, folder: tempfile.TemporaryDirectory[str]) -> None:
        self._status = status
        self._folder = folder
        self.returncode: int | None = None
        self.pid: int = _CODE.unpack(status.recv(_CODE.size, socket.MSG_WAITALL))[0]

    @property
    def code(self) -> int:
        """How it ended."""
        assert self.returncode is not None
        return self.returncode

    @property
    def err(self) -> str:
        """What it has printed on standard error so far."""
        return (Path(self._folder.name) / "err").read_text("utf-8")

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        return self._ended(0.0)

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it printed, once it has ended. Raises subprocess.TimeoutExpired."""
        if self._ended(timeout) is None:
            raise subprocess.TimeoutExpired("soulprint", timeout or 0.0)
        folder = Path(self._folder.name)
        printed = (folder / "out").read_text("utf-8"), (folder / "err").read_text("utf-8")
        self._folder.cleanup()
        self._status.close()
        return printed

    def kill(self) -> None:
        """kill -9."""
        os.kill(self.pid, signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            self._status.settimeout(timeout)
            try:
                self.returncode = _CODE.unpack(self._status.recv(_CODE.size))[0]
            except (TimeoutError, BlockingIOError):
                return None
        return self.returncode


class ForkServer:
    """The process that forks. Safe to use from one thread at a time."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        number = str(theirs.fileno())
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forking", number],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
        )
        theirs.close()

    def start(self, arguments: Sequence[str], environment: Mapping[str, str]) -> Forked:
        """Start a command in a process group of its own."""
        folder = tempfile.TemporaryDirectory(prefix="soulprint-command-")
        ours, theirs = socket.socketpair()
        with (Path(folder.name) / "out").open("wb") as out, (Path(folder.name) / "err").open("wb") as err:
            order = json.dumps({"arguments": list(arguments), "environment": dict(environment)}).encode()
            fds = [out.fileno(), err.fileno(), theirs.fileno()]
            socket.send_fds(self._socket, [struct.pack("I", len(order))], fds)
            self._socket.sendall(order)
        theirs.close()
        return Forked(ours, folder)

    def close(self) -> None:
        """End it; commands that run go on."""
        self._socket.close()
        self._process.wait(10)


@dataclass(frozen=True)
class ForkedSoulprint:
    """Commands over one SOULPRINT_HOME, forked."""

    command: Soulprint
    server: ForkServer

    def start(self, *arguments: str | Path) -> Forked:
        """Start a command in a process group of its own."""
        return self.server.start([*map(str, arguments)], self.command.environment())

    def __call__(self, *arguments: str | Path) -> Finished:
        """Run a command to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(SECONDS)
        return Finished(process.code, out, err)


def _serve(orders: socket.socket) -> list[str] | None:
    """Fork for each order. Gives a command's arguments in its own process, and None in the server's end."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        head, fds, _, _ = socket.recv_fds(orders, 4, 3)
        if not head:
            return None
        order = json.loads(orders.recv(struct.unpack("I", head)[0], socket.MSG_WAITALL))
        if os.fork() == 0:
            orders.close()
            return _command(order, *fds)
        for fd in fds:
            os.close(fd)


def _command(order: dict[str, Any], out: int, err: int, status: int) -> list[str]:
    """Fork the command; this process stays behind to tell how it ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the tests made of it
    pid = os.fork()
    if pid:
        with socket.socket(fileno=status) as telling:
            telling.sendall(_CODE.pack(pid))
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            telling.sendall(_CODE.pack(code))
        os._exit(0)
    os.setsid()
    for fd, place in ((out, 1), (err, 2)):
        os.dup2(fd, place)
    os.closerange(3, 1024)
    os.environ.clear()
    os.environ.update(order["environment"])
    return list(order["arguments"])


if __name__ == "__main__":
    import shared.models.claude.model as imported_for_its_time  # noqa: F401 - for all commands at once
    import soulprint.main
    import soulprint.run

    gc.freeze()  # nothing that was imported is looked at again in each command
    given = _serve(socket.socket(fileno=int(sys.argv[1])))
    if given is not None:
        sys.argv = ["soulprint", *given]
        soulprint.main.main()
