"""Exports brought to this machine: a local file below an allowed folder, or an object of Supabase storage."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import orjson
from pydantic import SecretStr

from shared.domain.errors import SourceError, StoreError

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_UNSAFE = re.compile("[\x00-\x1f\x7f\\\\]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_TIMEOUT = httpx.Timeout(60.0, connect=15.0)
_ERROR_BYTES = 4096
"""Most of an error's body that is read, for the status it may hold."""


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

    async def fetch(self, source: str, destination: Path) -> Path:
        """The file of `source`: an absolute local path as it is, or `bucket/path` saved as `destination`,
        which appears only when it is whole.

        Raises SourceError where it can never be read (not allowed, not found, refused, too large), StoreError
        where it may be later (broken off, no answer, disk full).
        """
        if os.path.isabs(source) and "\0" not in source:
            return self._local(Path(source))
        if _UNSAFE.search(source) or _URL.match(source):
            raise SourceError("source: neither a local file nor bucket/path in storage; URLs are not taken")
        bucket, _, path = source.partition("/")
        if not _BUCKET.match(bucket) or any(part in ("", ".", "..") for part in path.split("/")):
            raise SourceError("source: not of the form bucket/path")
        if self.buckets is not None and bucket not in self.buckets:
            raise SourceError(f"source: bucket {bucket} is not one that may be read")
        return await self._download(bucket, path, destination)

    def _local(self, path: Path) -> Path:
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError):
            raise SourceError("source: there is no such local file") from None
        if not any(real.is_relative_to(root.resolve()) for root in self.roots):
            raise SourceError("source: the local file does not lie below an allowed folder")
        return real

    async def _download(self, bucket: str, path: str, destination: Path) -> Path:
        if self.storage_url is None or self.service_key is None:
            raise SourceError("source: reading from storage needs the project's URL and service key")
        url = f"{self.storage_url.rstrip('/')}/storage/v1/object/{quote(f'{bucket}/{path}')}"
        key = self.service_key.get_secret_value()
        headers = {"Authorization": f"Bearer {key}", "apikey": key, "Accept-Encoding": "identity"}
        part = destination.with_name(destination.name + ".part")
        try:
            async with (
                httpx.AsyncClient(timeout=_TIMEOUT, headers=headers, trust_env=False) as client,
                client.stream("GET", url) as response,
            ):
                if response.status_code != httpx.codes.OK:
                    raise await _refused(response, bucket)
                await self._save(response, part, bucket)
            part.replace(destination)
        except httpx.RemoteProtocolError:
            raise StoreError(f"storage: the object in {bucket} broke off before its end; try again") from None
        except httpx.TimeoutException:
            raise StoreError(f"storage: no answer in time for the object in {bucket}; try again") from None
        except (httpx.HTTPError, httpx.InvalidURL):
            raise StoreError("storage: cannot be reached; check the project's URL") from None
        except OSError as error:
            raise StoreError(f"{destination.parent}: cannot save the export ({error.strerror})") from None
        finally:
            part.unlink(missing_ok=True)
        return destination

    async def _save(self, response: httpx.Response, part: Path, bucket: str) -> None:
        size = 0
        with part.open("wb") as file:
            async for piece in response.aiter_bytes():
                size += len(piece)
                if size > self.max_bytes:
                    raise SourceError(
                        f"storage: the object in {bucket} is larger than {self.max_bytes} bytes"
                    )
                file.write(piece)


async def _refused(response: httpx.Response, bucket: str) -> StoreError:
    """What a status means. Storage answers 400 with the true status in its body."""
    body = b""
    async for piece in response.aiter_bytes():
        body = (body + piece)[:_ERROR_BYTES]
        if len(body) == _ERROR_BYTES:
            break
    status = response.status_code
    if status == httpx.codes.BAD_REQUEST:
        with suppress(ValueError, TypeError, KeyError):
            status = int(orjson.loads(body)["statusCode"])
    if status == httpx.codes.NOT_FOUND:
        return SourceError(f"storage: there is no such object in {bucket}")
    if status in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        return SourceError(f"storage: the service key may not read {bucket}")
    return StoreError(f"storage: answered {status} for the object in {bucket}")
