"""Exports brought to this machine: a local file below an allowed folder, or an object of Supabase storage."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pydantic import SecretStr

from shared.domain.errors import ClosedSourceError, SourceError
from shared.domain.sources import local_paths, require_bucket, stored_object
from shared.exports.containers.names import shown


@dataclass(frozen=True, slots=True)
class Downloads:
    """Where exports may come from. Without any setting: from nowhere."""

    roots: Sequence[Path] = ()
    """Folders below which local files are allowed."""
    storage_url: str | None = None
    """Base URL of the Supabase project: `https://<project>.supabase.co`."""
    service_key: SecretStr | None = None
    buckets: Collection[str] | None = None
    """Buckets that may be read; None: any."""
    max_bytes: int = 64 * 1024**3

    async def fetch(self, source: str, destination: Path) -> list[Path]:
        """The files of `source`: local ones as they are, or `bucket/path` saved as `destination`, which
        appears only when it is whole.

        Raises SourceError where it can never be read (not allowed, not found, refused, too large), StoreError
        where it may be later (broken off, no answer, disk full).
        """
        if "\0" not in source and (paths := local_paths(source)) is not None:
            return [self._local(path) for path in paths]
        bucket, path = stored_object(source)
        require_bucket(bucket, self.buckets)
        return [await self._download(bucket, path, destination)]

    def _local(self, path: Path) -> Path:
        told = shown(str(path))
        try:
            real = path.resolve()
            if not any(
                real.is_relative_to(root.resolve()) for root in self.roots
            ):  # whether it is there or not
                raise SourceError(
                    f"source: the local file {told} does not lie below an allowed folder: "
                    "set IMPORT_ROOTS of the services to its folder"
                )
            return path.resolve(strict=True)
        except (OSError, RuntimeError):
            raise SourceError(
                f"source: there is no such local file where the services run: {told}; "
                "it must lie at the same path there, below IMPORT_ROOTS"
            ) from None

    async def _download(self, bucket: str, path: str, destination: Path) -> Path:
        if self.storage_url is None or self.service_key is None:
            raise ClosedSourceError("source: reading from storage needs the project's URL and service key")
        from shared.store.storage import download  # an HTTP client is 10 MB that a local export does not need

        url = f"{self.storage_url.rstrip('/')}/storage/v1/object/{quote(f'{bucket}/{path}')}"
        await download(url, self.service_key.get_secret_value(), bucket, destination, self.max_bytes)
        return destination
