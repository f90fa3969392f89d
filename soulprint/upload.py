"""`soulprint submit --upload`: put a local export where the services read it, as the app's page would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from shared.domain.errors import SourceError, StoreError, UsageError
from shared.exports.export import open_export
from shared.exports.limits import read_limits
from shared.settings import Settings
from shared.store.object_names import bucket_of, media_type, object_path
from soulprint.terminal import say


def require_uploadable(file: Path, settings: Settings) -> None:
    """Raises UsageError where there is no storage to put a file into, or it is no file, and
    UnreadableExportError for one that is no export."""
    if settings.supabase_url is None or settings.supabase_service_role_key is None:
        raise UsageError("--upload needs SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY")
    if not file.is_file():
        raise UsageError(f"{file}: no such file; --upload takes one, such as the vendor's .zip")
    open_export(file, read_limits(settings)).close()


@asynccontextmanager
async def uploaded(file: Path, user_id: UUID, settings: Settings) -> AsyncIterator[str]:
    """The file as an object of storage: its `bucket/path`. It is taken away again if the block fails.
    Raises SourceError where the bucket does not take it, StoreError where storage fails."""
    from shared.store.objects import open_objects  # a second HTTP client, which nothing else needs

    url, key = settings.supabase_url, settings.supabase_service_role_key
    if url is None or key is None:
        raise UsageError("--upload needs SUPABASE_URL and SUPABASE_SERVICE_ROLE_KEY")
    bucket, path = bucket_of(settings.import_buckets), object_path(user_id, file.name, datetime.now(UTC))
    size = (await asyncio.to_thread(file.stat)).st_size
    async with open_objects(url, key.get_secret_value()) as objects:
        if why := (await objects.bucket(bucket)).refusal(size, media_type(file)):
            raise SourceError(f"storage: {bucket} {why}")
        say(f"soulprint: uploading {size:,} bytes to {bucket}", err=True)
        try:
            await objects.upload(bucket, path, file, media_type(file))
            yield f"{bucket}/{path}"
        except BaseException:
            with suppress(StoreError):
                await objects.remove(bucket, [path])
            raise
