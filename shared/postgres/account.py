"""Whose the processes of the embedded Postgres are: ours, or as root, which it refuses, an account's of our
own name."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from shared.domain.errors import StoreError

ACCOUNT = "soulprint"
"""The one system account that is used, and made at need. One that another program has may not be ours: who is
that account may do all with the database."""
_SECONDS = 60
_ADMIN_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Account:
    """A system account other than ours."""

    uid: int
    gid: int


def account_for(data: Path) -> Account | None:
    """The account that the server runs as, with its data in this folder: None for our own, which is the rule
    unless we are root. Raises StoreError."""
    if os.geteuid() != 0:
        return None
    account = _known() or _made()
    if account.uid == 0:
        raise StoreError(
            f"Postgres does not run as root, and account {ACCOUNT} is root's; run as another user"
        )
    if data.exists() and data.lstat().st_uid != account.uid:
        raise StoreError(
            f"{data}: belongs to another account than {ACCOUNT}, as which root runs Postgres; run as the one "
            f"that it belongs to, or give it over: chown -R {ACCOUNT}: {data}"
        )
    return account


def _known() -> Account | None:
    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)


def _made() -> Account:
    useradd = shutil.which("useradd", path=_ADMIN_PATH)
    command = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    try:
        if useradd is not None:
            subprocess.run(  # noqa: S603 - constant
                [useradd, *command, "--shell", "/usr/sbin/nologin", ACCOUNT],
                check=False,  # another process may have been quicker
                capture_output=True,
                timeout=_SECONDS,
            )
    except (OSError, subprocess.SubprocessError):
        pass
    account = _known()
    if account is None:
        raise StoreError(
            f"Postgres does not run as root, and the account {ACCOUNT}, as which root runs it, could not be "
            f"made: make it (useradd --system {ACCOUNT}), or run as another user"
        )
    return account
