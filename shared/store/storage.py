"""Objects of Supabase storage, streamed to a file."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import httpx
import orjson

from shared.domain.errors import SourceError, StoreError, system_reason

_TIMEOUT = httpx.Timeout(60.0, connect=15.0)
_ERROR_BYTES = 4096
"""Most of an error's body that is read, for the status it may hold."""


async def download(url: str, key: str, bucket: str, destination: Path, max_bytes: int) -> None:
    """Save the object at `url` as `destination`, which appears only when it is whole. Raises SourceError
    where it can never be had, StoreError where it may be had later."""
    headers = {"Authorization": f"Bearer {key}", "apikey": key, "Accept-Encoding": "identity"}
    part = destination.with_name(destination.name + ".part")
    try:
        async with (
            httpx.AsyncClient(timeout=_TIMEOUT, headers=headers, trust_env=False) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != httpx.codes.OK:
                raise await _refused(response, bucket)
            await _save(response, part, bucket, max_bytes)
        part.replace(destination)
    except httpx.RemoteProtocolError:
        raise StoreError(f"storage: the object in {bucket} broke off before its end; try again") from None
    except httpx.TimeoutException:
        raise StoreError(f"storage: no answer in time for the object in {bucket}; try again") from None
    except (httpx.HTTPError, httpx.InvalidURL):
        raise StoreError("storage: cannot be reached; check the project's URL") from None
    except OSError as error:
        raise StoreError(f"{destination.parent}: cannot save the export ({system_reason(error)})") from None
    finally:
        part.unlink(missing_ok=True)


async def _save(response: httpx.Response, part: Path, bucket: str, max_bytes: int) -> None:
    size = 0
    with part.open("wb") as file:
        async for piece in response.aiter_bytes():
            size += len(piece)
            if size > max_bytes:
                raise SourceError(f"storage: the object in {bucket} is larger than {max_bytes} bytes")
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
