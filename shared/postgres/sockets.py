"""Where the socket of the embedded Postgres lies: in its data folder, which is its account's alone. A client
whose system cannot name so long a path reaches it by a short link of ours."""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from shared.domain.errors import StoreError
from shared.postgres.account import Account

SOCKETS = "sockets"
"""The folder's name in the data folder."""
SOCKET = ".s.PGSQL.5432"
MAX_SOCKET_PATH = 100
"""Systems allow 104 to 108 bytes for the path of a socket."""


def make_socket_folder(data: Path, account: Account | None) -> None:
    """The folder of a server that is about to start, without what a killed one left. Raises StoreError where
    it is not private."""
    folder = data / SOCKETS
    owner = account.uid if account else os.geteuid()
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
        if account is not None:
            os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or found.st_mode & 0o077:
        raise StoreError(f"{folder}: not a private folder of ours; remove it and run again")
    for leftover in (SOCKET, SOCKET + ".lock"):
        (folder / leftover).unlink(missing_ok=True)


def short_of(folder: Path, data: Path) -> Path:
    """The folder of a socket as clients can name it: itself, or a link to it among the temporary files.
    Raises StoreError where something else is in the link's place: it could lead to anybody's server."""
    if len(os.fsencode(folder / SOCKET)) <= MAX_SOCKET_PATH and "," not in str(folder):  # commas part hosts
        return folder
    link = _link(data)
    with suppress(FileExistsError):
        link.symlink_to(folder)
    if link.lstat().st_uid != os.geteuid() or not link.is_symlink() or link.readlink() != folder:
        raise StoreError(f"{link}: not a link of ours; remove it and run again")
    return link


def forget_short(data: Path) -> None:
    """Remove the link of a server that was stopped."""
    with suppress(OSError):
        link = _link(data)
        if link.is_symlink():
            link.unlink()


def _link(data: Path) -> Path:
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"soulprint-{os.geteuid()}-{name}"
