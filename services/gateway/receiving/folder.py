"""Exports put into a folder of this machine, where the services of this process read them."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import structlog

from services.gateway.receiving.base import (
    Clock,
    NotTakenError,
    Reading,
    Upload,
    now,
    too_large,
    uninterrupted,
    with_suffix,
)
from shared.domain.errors import StoreError, is_disk_full, system_reason
from shared.domain.sources import local_paths, local_source
from shared.private import make_folder, open_new
from shared.room import LOOK_BYTES, check_room
from shared.store.object_names import object_path

_PART = ".{}.part"
"""The name of a file that is not whole: no upload's own begins with a point. Its writer holds its lock."""
_BATCH = 256 * 1024
"""Bytes that are written at once."""

log = structlog.get_logger(__name__)


class FolderUploads:
    """Uploads as files: `{root}/{user_id}/{epoch ms}-{name}`. A file stays after its run has ended, since a
    person may have it tried again."""

    def __init__(self, root: Path, most: int, *, clock: Clock = now) -> None:
        self._root, self._most, self._clock = root, most, clock

    async def clean(self) -> int:
        """Take away what uploads left that a crash cut off; answers how many. To be called at the start: what
        another process is at work on stays."""
        return await asyncio.to_thread(_clean, self._root)

    async def receive(
        self, pieces: AsyncIterator[bytes], user_id: UUID, name: str, size: int | None = None
    ) -> Upload:
        """See Uploads."""
        if size is not None and size > self._most:
            raise too_large(self._most)
        reading = await Reading.of(pieces, self._most)
        given = f"{secrets.token_hex(4)}-{with_suffix(name, reading.kind)}"
        path = self._root / object_path(user_id, given, self._clock())
        part = path.with_name(_PART.format(path.name))
        try:
            with await uninterrupted(asyncio.to_thread(_begin, part, size or 0)) as file:
                await _write(file, part.parent, reading)
                await uninterrupted(asyncio.to_thread(_end, file, part, path))
        except BaseException as error:
            await uninterrupted(asyncio.to_thread(_remove, part, path))
            if is_disk_full(error):
                raise NotTakenError(507, "there is no room for the export here; nothing was taken") from None
            if isinstance(error, OSError):
                raise StoreError(f"{self._root}: cannot keep the export ({system_reason(error)})") from None
            raise
        return Upload(local_source([path]), reading.sha256, reading.size)

    async def discard(self, upload: Upload) -> None:
        """See Uploads."""
        try:
            for path in local_paths(upload.source) or ():
                await uninterrupted(asyncio.to_thread(path.unlink, missing_ok=True))
        except OSError as error:
            log.error("an upload that nobody wants stays in its folder", error=system_reason(error))


async def _write(file: BinaryIO, folder: Path, reading: Reading) -> None:
    batch, looked = bytearray(), 0
    async for piece in reading:
        batch += piece
        if reading.size - looked >= LOOK_BYTES:
            looked = reading.size
            await asyncio.to_thread(check_room, folder, len(batch))
        if len(batch) >= _BATCH:
            await uninterrupted(asyncio.to_thread(file.write, bytes(batch)))
            batch.clear()
    await uninterrupted(asyncio.to_thread(file.write, bytes(batch)))


def _begin(part: Path, size: int) -> BinaryIO:
    make_folder(part.parent)
    check_room(part.parent, size)
    file = os.fdopen(open_new(part), "wb", buffering=0)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        file.close()
        raise
    return file


def _end(file: BinaryIO, part: Path, path: Path) -> None:
    """The whole file under its name: on the disk before anybody is told of it."""
    os.fsync(file.fileno())
    part.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _remove(*paths: Path) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _clean(root: Path) -> int:
    removed = 0
    for part in root.glob(f"*/{_PART.format('*')}"):
        with suppress(OSError), part.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # an error: it is being written
            part.unlink()
            removed += 1
    return removed
