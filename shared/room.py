"""Room on a disk for what is to be kept, before it is written: a full disk stops the database beside it."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Final

RESERVE: Final = 256 * 1024**2
"""Bytes that are left to everything else, or a twentieth of a small disk."""
LOOK_BYTES: Final = 16 * 1024**2
"""After so many bytes written it is looked again: others write, too."""


def check_room(folder: Path, size: int = 0) -> None:
    """Raises OSError as a full disk does where the disk of `folder` has no room for so many bytes more."""
    total, _, free = shutil.disk_usage(folder)
    if size > free - _reserve(total):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def could_hold(folder: Path, size: int) -> bool:
    """Whether the disk of `folder` could keep so many bytes if it were empty."""
    total = shutil.disk_usage(folder).total
    return size <= total - _reserve(total)


def _reserve(total: int) -> int:
    return min(RESERVE, total // 20)
