"""Folders and files that their owner alone may open, whatever the umask. Nothing else in the product makes
any (tests/unit/test_private.py looks), so that no copy of a person's memory is weaker than the database.

What exists already keeps its mode: it may be somebody else's. What is written anew is a new file, private.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

FOLDER_MODE, FILE_MODE = 0o700, 0o600
_MODELESS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS)
"""What a file system answers that has no modes: there whoever mounts it decides."""


def make_folder(folder: Path) -> None:
    """The folder, with those above it that are missing, each its owner's alone. One that exists stays as it
    is. Raises OSError, FileExistsError where a file is in its place."""
    missing = []
    for each in (folder, *folder.parents):
        if each.is_dir():
            break
        missing.append(each)
    for each in reversed(missing):
        try:
            os.mkdir(each, FOLDER_MODE)
        except FileExistsError:
            if not each.is_dir():  # else another process made it meanwhile
                raise
        else:
            _set_mode(each, FOLDER_MODE)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write, in place of what lies at `path`, of which nothing is changed: who has it open sees
    nothing of the new one, and a link is replaced, not followed. Raises OSError."""
    path.unlink(missing_ok=True)
    with os.fdopen(open_new(path), "wb") as file:
        yield file


def open_new(path: Path) -> int:
    """A handle to write a file that was not there; who opened it closes it. Raises OSError, FileExistsError
    where one is."""
    return _opened(path, os.O_WRONLY | os.O_EXCL)


def write_whole(path: Path, data: bytes) -> None:
    """The file with these bytes, or as it was before: at no time a part of them. The folder is made at need.
    Raises OSError."""
    make_folder(path.parent)
    unfinished = path.with_name(path.name + ".new")
    with new_file(unfinished) as file:
        file.write(data)
    unfinished.replace(path)


def open_lock(path: Path) -> int:
    """A handle on a file that is there to be locked; who opened it closes it. Raises OSError."""
    return _opened(path, os.O_RDWR)


def check_writable(folder: Path) -> None:
    """Raises OSError where no file can be made in the folder."""
    with tempfile.NamedTemporaryFile(dir=folder):
        pass


@contextmanager
def held_folder(prefix: str, within: Path | None = None) -> Iterator[Path]:
    """A new folder of its own for the block, `within` or among the temporary ones, gone with all in it at its
    end. It is locked as long as this process lives, or a child that was forked meanwhile: what a kill leaves
    `sweep` takes away. Raises OSError."""
    folder, handle = _held(prefix, within or Path(tempfile.gettempdir()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def sweep(prefix: str, within: Path | None = None) -> int:
    """Take away what processes that are dead left of `held_folder`; answers how many. What is held stays, and
    so does what is another account's, or cannot be locked. It raises nothing."""
    swept = 0
    with suppress(OSError), os.scandir(within or tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(prefix) and entry.is_dir(follow_symlinks=False):
                swept += _swept(Path(entry.path))
    return swept


def _swept(folder: Path) -> bool:
    with suppress(OSError):
        if folder.lstat().st_uid != os.geteuid():
            return False
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            return not folder.exists()
        finally:
            os.close(handle)
    return False


def _held(prefix: str, within: Path) -> tuple[Path, int]:
    """A folder, and the handle by which it is locked."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=within))
        handle = None
        try:
            _set_mode(folder, FOLDER_MODE)
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            with suppress(OSError):  # where nothing can be locked, nothing is swept
                fcntl.flock(handle, fcntl.LOCK_SH)
            if os.path.samestat(os.fstat(handle), folder.lstat()):
                return folder, handle
        except FileNotFoundError:
            pass  # swept before we had its lock
        if handle is not None:
            os.close(handle)


def _opened(path: Path, flags: int) -> int:
    handle = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, FILE_MODE)
    try:
        if os.fstat(handle).st_uid == os.geteuid():
            _set_mode(handle, FILE_MODE)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _set_mode(path: Path | int, mode: int) -> None:
    """A mode that a umask took something of, or that an earlier version gave."""
    if os.stat(path).st_mode & 0o777 == mode:
        return
    try:
        os.chmod(path, mode)
    except OSError as error:
        if error.errno not in _MODELESS:
            raise
