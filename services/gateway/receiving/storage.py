"""Exports put into Supabase storage as they come: nothing of them is kept here."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import structlog

from services.gateway.receiving.base import Clock, NotTakenError, Reading, Upload, now, too_large, with_suffix
from services.gateway.receiving.places import AT_ONCE
from shared.domain.errors import StoreError
from shared.store.object_names import object_path
from shared.store.objects import Bucket, Objects, ObjectTooLargeError, open_objects

LOOK_AGAIN = 60.0
"""Seconds that what a bucket takes is believed."""
REMOVING = (0.0, 0.5, 2.0)
"""Seconds before each try to take an object away."""

log = structlog.get_logger(__name__)


class StorageUploads:
    """Uploads as objects of one bucket: `{user_id}/{epoch ms}-{name}`."""

    def __init__(
        self,
        objects: Objects,
        bucket: str,
        most: int,
        *,
        clock: Clock = now,
        removing: Sequence[float] = REMOVING,
    ) -> None:
        self._objects, self._name, self._most = objects, bucket, most
        self._clock, self._removing = clock, removing
        self._known: tuple[float, Bucket] | None = None

    async def receive(
        self, pieces: AsyncIterator[bytes], user_id: UUID, name: str, size: int | None = None
    ) -> Upload:
        """See Uploads."""
        bucket = await self._bucket()
        limit = self._most if bucket.size_limit is None else min(self._most, bucket.size_limit)
        if size is not None and size > limit:
            raise too_large(limit)
        reading = await Reading.of(pieces, limit)
        if why := bucket.refusal(0, reading.kind):
            raise NotTakenError(415, f"storage: {bucket.name} {why}")
        # Two uploads of one moment and name: neither may write over the other's, nor take it away.
        given = f"{secrets.token_hex(4)}-{with_suffix(name, reading.kind)}"
        path = object_path(user_id, given, self._clock())
        try:
            await self._objects.write(self._name, path, aiter(reading), reading.kind, size)
        except ObjectTooLargeError as error:
            raise NotTakenError(413, str(error)) from None
        except BaseException:
            await self._remove(path)
            raise
        return Upload(f"{self._name}/{path}", reading.sha256, reading.size)

    async def discard(self, upload: Upload) -> None:
        """See Uploads."""
        await self._remove(upload.source.partition("/")[2])

    async def _bucket(self) -> Bucket:
        """What the bucket takes: of a body without a length, storage checks no limit itself."""
        loop = asyncio.get_running_loop()
        if self._known is None or loop.time() - self._known[0] > LOOK_AGAIN:
            self._known = loop.time(), await self._objects.bucket(self._name)
        return self._known[1]

    async def _remove(self, path: str) -> None:
        for seconds in self._removing:
            await asyncio.sleep(seconds)
            try:
                await self._objects.remove(self._name, [path])
                return
            except StoreError as error:
                told = str(error)
        log.error("an upload that nobody wants stays in storage", bucket=self._name, error=told)


@asynccontextmanager
async def storage_uploads(url: str, key: str, bucket: str, most: int) -> AsyncIterator[StorageUploads]:
    """Uploads into the bucket of a project, for its service key; each of at most so many bytes."""
    async with open_objects(url, key, AT_ONCE + 2) as objects:
        yield StorageUploads(objects, bucket, most)
