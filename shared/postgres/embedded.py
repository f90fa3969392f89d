"""The embedded Postgres: a server of our own under SOULPRINT_HOME, shared by all processes that use it.

Every process that uses the server holds a shared lock on `postgres.users`, which the system lets go however
the process ends; whoever leaves and can have it alone stops the server. Starting and stopping happen under
`postgres.start`. A server whose users were killed goes on, and the next process attaches to it.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import shutil
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import psutil

from shared.domain.errors import StoreError, is_disk_full, system_reason
from shared.postgres.account import Account, account_for
from shared.postgres.binaries import run_binary
from shared.postgres.sockets import SOCKETS, forget_short, make_socket_folder, short_of
from shared.private import make_folder, new_file, open_lock

MAJOR = "18"
START_SECONDS = 120
"""How long a start may take, recovery after a crash included; also a stop, and the end of orphans."""
_WAIT = ("-w", "-t", str(START_SECONDS))
DISK_FULL = "53100"
STOPPED = ("08", "57", "58", "XX")
"""Classes of SQLSTATE that clients get of a server that stops in the middle; also none at all."""
NO_ROOM = b"No space left on device"
ENOUGH_ROOM = 16 * 1024**2
"""Bytes of free disk below which a server that stopped did so for want of room: a segment of its WAL."""

_SETTINGS = {
    # Nobody but this account reaches the server: no TCP, and a socket that only its owner may open.
    "listen_addresses": "",
    "unix_socket_directories": SOCKETS,  # within the data: the server needs no way there
    "unix_socket_permissions": "0700",
    "max_connections": "50",
    # For bulk load, yet safe: fsync and checksums stay on; a crash loses at most a moment of batches.
    "synchronous_commit": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "shared_buffers": "64MB",
    "work_mem": "16MB",
    "io_method": "sync",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "timezone": "UTC",
    # The log never holds a statement or a value of a row: they are the person's text.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_timezone": "UTC",
}


@asynccontextmanager
async def embedded_postgres(home: Path) -> AsyncIterator[str]:
    """The DSN of the running server, as its superuser. Started at need, stopped when its last user leaves.

    Raises StoreError: home cannot be written, the disk is full, the server does not start.
    """
    server = _Server(home)
    entering = asyncio.ensure_future(asyncio.to_thread(server.enter))
    try:
        yield await asyncio.shield(entering)
    except StoreError as error:
        if not server.is_full(error.sqlstate):
            raise
        raise StoreError(
            f"{home}: the disk is full, and the database with it; free some space and run again",
            sqlstate=DISK_FULL,
        ) from None
    finally:
        await asyncio.wait([entering])
        entering.exception()  # if we were cancelled, nobody else looks at it
        await asyncio.to_thread(server.leave)


class _Server:
    def __init__(self, home: Path) -> None:
        self._home = home.absolute()
        self._data = self._home / "postgres"
        self._users: int | None = None
        self._turn = threading.Lock()

    def enter(self) -> str:
        """Count this process in, with the server running. Answers its DSN."""
        try:
            make_folder(self._home)
            with self._turn, self._alone():
                self._users = open_lock(self._home / "postgres.users")
                fcntl.flock(self._users, fcntl.LOCK_SH)
                account = account_for(self._data)
                if not (self._data / "PG_VERSION").exists():
                    self._initialise(account)
                self._check_version()
                folder = self._attach() or self._start(account)
        except OSError as error:
            raise StoreError(
                f"{self._home}: the embedded Postgres cannot be kept here: {system_reason(error)}; "
                "free some space, or set SOULPRINT_HOME to a folder that you may write to",
                sqlstate=DISK_FULL if is_disk_full(error) else None,
            ) from None
        return f"postgresql://postgres@/postgres?host={quote(str(folder), safe='')}"

    def is_full(self, sqlstate: str | None) -> bool:
        """Whether an error of the database is for want of room. A server that cannot write its WAL stops at
        once, and its clients hear only of a lost connection."""
        if sqlstate == DISK_FULL:
            return True
        if sqlstate is not None and sqlstate[:2] not in STOPPED:
            return False
        try:
            log = (self._data / "log").read_bytes()
            return NO_ROOM in log or shutil.disk_usage(self._home).free < ENOUGH_ROOM
        except OSError:
            return False

    def leave(self) -> None:
        """Count this process out; the last one stops the server. One that cannot be stopped goes on, and has
        lost nothing: the next process takes it up."""
        with self._turn:
            if self._users is None:
                return
            try:
                with self._alone():
                    try:
                        fcntl.flock(self._users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    except BlockingIOError:
                        return
                    if self._attach() is not None:
                        account = account_for(self._data)
                        with suppress(StoreError):
                            run_binary(account, self._data, "pg_ctl", "stop", "-s", "-m", "fast", *_WAIT)
                        forget_short(self._data)
            except OSError as error:
                raise StoreError(
                    f"{self._home}: the embedded Postgres is gone: {system_reason(error)}"
                ) from None
            finally:
                os.close(self._users)
                self._users = None

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Only one process at a time starts, attaches or stops."""
        handle = open_lock(self._home / "postgres.start")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _initialise(self, account: Account | None) -> None:
        """Make the data folder beside its place and move it there whole, so that a kill leaves no half."""
        fresh = self._home / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        make_folder(fresh)
        if account is not None:
            os.chown(fresh, account.uid, account.gid, follow_symlinks=False)
        try:
            run_binary(
                account, fresh, "initdb", "-U", "postgres", "--auth=trust", "--encoding=UTF8",
                "--locale-provider=builtin", "--locale=C.UTF-8", "--data-checksums",
            )  # fmt: skip
            fresh.rename(self._data)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)

    def _check_version(self) -> None:
        found = (self._data / "PG_VERSION").read_text().strip()
        if found != MAJOR:
            raise StoreError(
                f"{self._data}: made by Postgres {found}, but this SoulPrint brings {MAJOR}; "
                "set SOULPRINT_HOME to another folder and run again"
            )

    def _attach(self) -> Path | None:
        """The socket folder of the server that runs on our data, ready for connections; None if none runs."""
        deadline = time.monotonic() + START_SECONDS
        while (running := self._postmaster()) is not None:
            folder, state = running
            if state in ("ready", "standby"):
                return short_of(folder, self._data)
            if time.monotonic() > deadline:
                raise StoreError(f"{self._data}: the server is {state or 'starting'} and does not get ready")
            time.sleep(0.05)
        return None

    def _postmaster(self) -> tuple[Path, str] | None:
        """Socket folder and state as postmaster.pid tells them; None if it is missing or stale."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
            if int(lines[0]) not in self._processes():
                return None
        except (FileNotFoundError, ValueError, IndexError):
            return None
        folder = self._data / lines[4] if len(lines) > 4 else self._data  # one that waits for its socket
        return folder, lines[7].strip() if len(lines) > 7 else ""

    def _processes(self) -> set[int]:
        """Processes of Postgres on our data, which is their working folder; zombies do not count."""
        found = set()
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.name().startswith("postgres") and Path(process.cwd()) == self._data.resolve():
                    found.add(process.pid)
        return found

    def _start(self, account: Account | None) -> Path:
        self._forget_killed_server()
        make_socket_folder(self._data, account)
        lines = [f"{name} = '{value}'\n" for name, value in _SETTINGS.items()]
        with new_file(self._data / "postgresql.conf") as file:
            if account is not None:
                os.fchown(file.fileno(), account.uid, account.gid)
            file.write("".join(lines).encode())
        (self._data / "log").unlink(missing_ok=True)
        run_binary(account, self._data, "pg_ctl", "start", "-s", "-l", "log", *_WAIT)
        return short_of(self._data / SOCKETS, self._data)

    def _forget_killed_server(self) -> None:
        """Remove what a killed postmaster left, once its last child is gone: two servers must never meet."""
        deadline = time.monotonic() + START_SECONDS
        while left := self._processes():
            if time.monotonic() > deadline:
                raise StoreError(
                    f"{self._data}: processes {sorted(left)} of a killed server go on; end them first"
                )
            time.sleep(0.05)
        (self._data / "postmaster.pid").unlink(missing_ok=True)
