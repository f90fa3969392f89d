"""What a test started ends with the tests, also where these are killed: a shell waits for the end of a pipe
that only this process holds, which the system closes however it ends."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Guard:
    """Runs a shell's command should this process end before `release`."""

    def __init__(self, command: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", f"read -r over || {{ {command}; }}", "guard", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip

    @classmethod
    def of(cls, process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> Guard:
        """kill -9 the process."""
        return cls('kill -9 "$1"', str(process.pid))

    def release(self) -> None:
        """It has ended by itself. Safe to call twice."""
        if self._process.returncode is None:
            self._process.communicate(b"over\n")


@contextmanager
def guarded_home(home: Path) -> Iterator[None]:
    """Should we be killed, so is the embedded Postgres below this home, and its files go."""
    postmaster = home / "postgres" / "postmaster.pid"
    guard = Guard('kill -9 "$(head -n 1 "$1")"; sleep 1; rm -rf "$2"', str(postmaster), str(home))
    try:
        yield
    finally:
        guard.release()
