"""Objects of Supabase storage, streamed to a file."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import httpx2
import orjson

from shared.domain.errors import ClosedSourceError, SourceError, StoreError, system_reason
from shared.private import new_file
from shared.room import LOOK_BYTES, check_room, could_hold
from shared.sockets import KEEP_ALIVE

_TIMEOUT = httpx2.Timeout(60.0, connect=15.0)
"""Seconds: of silence, and to connect."""
_STEP_SECONDS = 60.0
_STEP_BYTES = 640 * 1024
"""So many bytes must come in so many seconds: what trickles is taken for silent. The slowest line that counts
has 11 KB a second."""
_ERROR_BYTES = 4096
"""Most of an error's body that is read, for the status it may hold."""


async def download(url: str, key: str, bucket: str, destination: Path, max_bytes: int) -> None:
    """Save the object at `url` as `destination`, which appears only when it is whole. Raises SourceError
    where it can never be had, StoreError where it may be had later."""
    headers = {"Authorization": f"Bearer {key}", "apikey": key, "Accept-Encoding": "identity"}
    part = destination.with_name(destination.name + ".part")
    try:
        async with (
            httpx2.AsyncClient(
                timeout=_TIMEOUT,
                headers=headers,
                trust_env=False,
                transport=httpx2.AsyncHTTPTransport(trust_env=False, socket_options=KEEP_ALIVE),
            ) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != httpx2.codes.OK:
                raise await _refused(response, bucket)
            _expect(response, destination.parent, bucket, max_bytes)
            await _save(response, part, bucket, max_bytes)
        part.replace(destination)
    except httpx2.RemoteProtocolError:
        raise StoreError(f"storage: the object in {bucket} broke off before its end; try again") from None
    except (httpx2.TimeoutException, TimeoutError):
        raise StoreError(f"storage: no answer in time for the object in {bucket}; try again") from None
    except (httpx2.HTTPError, httpx2.InvalidURL):
        raise StoreError("storage: cannot be reached; check the project's URL") from None
    except OSError as error:
        raise StoreError(f"{destination.parent}: cannot save the export ({system_reason(error)})") from None
    finally:
        part.unlink(missing_ok=True)


def _expect(response: httpx2.Response, folder: Path, bucket: str, max_bytes: int) -> None:
    """Refuse what is known to be too much before a byte of it is read. Raises SourceError where it
    stays so, OSError where there may be room later."""
    told = response.headers.get("content-length", "")
    size = int(told) if told.isdecimal() else 0
    if size > max_bytes:
        raise _too_large(bucket, max_bytes)
    if not could_hold(folder, size):
        raise ClosedSourceError(
            f"storage: the object in {bucket} has {size:,} bytes, more than the disk of the temporary files; "
            "set TMPDIR of the services to a folder on a larger one"
        )
    check_room(folder, size)


def _too_large(bucket: str, max_bytes: int) -> SourceError:
    return SourceError(f"storage: the object in {bucket} is larger than {max_bytes} bytes")


async def _save(response: httpx2.Response, part: Path, bucket: str, max_bytes: int) -> None:
    size = step = looked = 0
    with new_file(part) as file:
        async with asyncio.timeout(_STEP_SECONDS) as pace:
            async for piece in response.aiter_bytes():
                size += len(piece)
                if size > max_bytes:
                    raise _too_large(bucket, max_bytes)
                if size - looked >= LOOK_BYTES:
                    looked = size
                    check_room(part.parent, len(piece))
                file.write(piece)
                if size - step >= _STEP_BYTES:
                    step = size
                    pace.reschedule(asyncio.get_running_loop().time() + _STEP_SECONDS)


async def _refused(response: httpx2.Response, bucket: str) -> StoreError:
    """What a status means. Storage answers 400 with the true status in its body."""
    body = b""
    async for piece in response.aiter_bytes():
        body = (body + piece)[:_ERROR_BYTES]
        if len(body) == _ERROR_BYTES:
            break
    status = response.status_code
    if status == httpx2.codes.BAD_REQUEST:
        with suppress(ValueError, TypeError, KeyError):
            status = int(orjson.loads(body)["statusCode"])
    if status == httpx2.codes.NOT_FOUND:
        return SourceError(f"storage: there is no such object in {bucket}")
    if status in (httpx2.codes.UNAUTHORIZED, httpx2.codes.FORBIDDEN):
        return ClosedSourceError(f"storage: the service key may not read {bucket}")
    return StoreError(f"storage: answered {status} for the object in {bucket}")
