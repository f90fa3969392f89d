"""Where this process puts what is uploaded to it, by its settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from services.gateway.receiving.base import Uploads
from services.gateway.receiving.folder import FolderUploads
from shared.settings import Settings
from shared.store.object_names import bucket_of

FOLDER = "uploads"

log = structlog.get_logger(__name__)


def uploads_folder(settings: Settings) -> Path:
    """Where uploads lie if there is no storage. IMPORT_ROOTS of the services that read them holds it."""
    return settings.home.absolute() / FOLDER


@asynccontextmanager
async def opened_uploads(settings: Settings) -> AsyncIterator[Uploads | None]:
    """Storage, where the project and its key are set; else the folder, where the services read from it; else
    None: nothing can be uploaded."""
    url, key, folder = settings.supabase_url, settings.supabase_service_role_key, uploads_folder(settings)
    if url is not None and key is not None:
        from services.gateway.receiving.storage import storage_uploads  # a second HTTP client

        bucket = bucket_of(settings.import_buckets)
        async with storage_uploads(url, key.get_secret_value(), bucket, settings.upload_max_bytes) as uploads:
            yield uploads
    elif any(folder.is_relative_to(root.absolute()) for root in settings.import_roots or ()):
        local = FolderUploads(folder, settings.upload_max_bytes)
        if removed := await local.clean():
            log.warning("uploads that were cut off by a crash are removed", count=removed)
        yield local
    else:
        yield None
