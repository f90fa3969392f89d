"""Objects of Supabase storage: what a bucket takes, uploads, lists, removals.

Downloads are not here: answers are held whole in memory (`shared/store/storage.py` streams them to a file).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import httpx2

from shared.domain.errors import SourceError, StoreError, system_reason
from shared.store.bounded import BoundedTransport, TooLargeError

CALL_SECONDS: Final = 60.0
"""For a call that carries no object."""
SLOWEST: Final = 4096
"""Bytes a second of the slowest line that an upload is waited for."""
ANSWER_BYTES: Final = 8 * 1024**2
"""Most of an answer that is read: a page of 1,000 objects has some 500 KB."""
_PAGE = 1000
_MOST = 100_000
"""Objects in one list."""
_CONNECTIONS = 2
_BY_NAME: Final = {"column": "name", "order": "asc"}
"""Without an order, pages of a list might overlap."""
_TIMEOUT = httpx2.Timeout(CALL_SECONDS, connect=15.0)


class ObjectTooLargeError(SourceError):
    """An object is larger than its bucket, or the project, takes."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """What a bucket takes. None: its project's limit; any type."""

    name: str
    public: bool
    size_limit: int | None
    types: tuple[str, ...] | None

    def refusal(self, size: int, kind: str) -> str:
        """Why it takes no object of so many bytes and this media type; empty if it takes it."""
        if self.size_limit is not None and size > self.size_limit:
            return f"takes at most {self.size_limit:,} bytes, and the file has {size:,}"
        if self.types is not None and not any(_covers(each, kind) for each in self.types):
            return f"takes no {kind}, only {', '.join(self.types)}"
        return ""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object by its path in the bucket, and its bytes."""

    path: str
    size: int


class Objects:
    """The objects of a project. `open_objects` makes one. Methods raise SourceError for what can never be,
    StoreError for what may be later; neither repeats what was answered."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http

    async def bucket(self, name: str) -> Bucket:
        """What the bucket takes."""
        async with _told("look at", name):
            found = await self._asked("look at", name, "GET", f"bucket/{quote(name, safe='')}")
            types, limit = found.get("allowed_mime_types"), found.get("file_size_limit")
            return Bucket(
                name,
                bool(found["public"]),
                None if limit is None else int(limit),
                None if types is None else tuple(str(each) for each in types),
            )

    async def upload(self, bucket: str, path: str, file: Path, kind: str) -> None:
        """Put a local file into the bucket, by an address signed for this path alone. It is read as it is
        sent. An object that is there already stays, and that is an error."""
        what, place = "write into", f"object/upload/sign/{quote(f'{bucket}/{path}')}"
        try:
            with file.open("rb") as opened:
                longer = os.fstat(opened.fileno()).st_size / SLOWEST
                async with _told(what, bucket, longer):
                    signed = await self._asked(what, bucket, "POST", place, json={})
                    (token,) = parse_qs(urlsplit(signed["url"]).query)["token"]
                    sent = {"file": (path.rpartition("/")[2], opened, kind)}
                    await self._asked(what, bucket, "PUT", place, params={"token": token}, files=sent)
        except OSError as error:
            raise SourceError(f"{file}: cannot be read ({system_reason(error)})") from None

    async def write(
        self, bucket: str, path: str, pieces: AsyncIterator[bytes], kind: str, size: int | None = None
    ) -> None:
        """Put into the bucket what `pieces` give, each as it comes; `size` where it is known before. An error
        of theirs ends it, and then there is no object. One that is there already stays: that is an error."""
        what, place = "write into", f"object/{quote(f'{bucket}/{path}')}"
        length = {} if size is None else {"Content-Length": str(size)}
        headers = {"Content-Type": kind, "x-upsert": "false", **length}
        async with _told(what, bucket, None):  # as long as pieces come: each has its own bound
            await self._asked(what, bucket, "POST", place, content=pieces, headers=headers)

    async def list(self, bucket: str, folder: str) -> Sequence[StoredObject]:
        """The objects below a folder, those in folders of its own included."""
        found, folders = list[StoredObject](), [folder]
        for each in folders:
            offset, size = 0, _PAGE
            while size == _PAGE:
                async with _told("list", bucket):
                    asked = {"prefix": each, "limit": _PAGE, "offset": offset, "sortBy": _BY_NAME}
                    rows = await self._asked(
                        "list", bucket, "POST", f"object/list/{quote(bucket)}", json=asked
                    )
                    for row in rows:
                        path = f"{each}/{row['name']}" if each else str(row["name"])
                        if row.get("id") is None:
                            folders.append(path)
                        else:
                            found.append(StoredObject(path, int((row.get("metadata") or {}).get("size", 0))))
                    size = len(rows)
                offset += size
                if len(found) + len(folders) > _MOST:
                    raise StoreError(f"storage: more than {_MOST:,} objects below one folder of {bucket}")
        return found

    async def remove(self, bucket: str, paths: Sequence[str]) -> int:
        """Take objects away; answers how many were there."""
        what, removed = "remove from", 0
        for start in range(0, len(paths), _PAGE):
            async with _told(what, bucket):
                asked = {"prefixes": [*paths[start : start + _PAGE]]}
                removed += len(
                    await self._asked(what, bucket, "DELETE", f"object/{quote(bucket)}", json=asked)
                )
        return removed

    async def _asked(self, what: str, bucket: str, method: str, path: str, **sent: Any) -> Any:
        """What storage answers to one call."""
        answer = await self._http.request(method, path, **sent)
        if not answer.is_success:
            raise _refused(what, bucket, _status_of(answer))
        return answer.json()


@asynccontextmanager
async def open_objects(url: str, key: str, connections: int = _CONNECTIONS) -> AsyncIterator[Objects]:
    """The objects of the project at `url`, for its service key."""
    async with httpx2.AsyncClient(
        base_url=f"{url.rstrip('/')}/storage/v1/",
        headers={"Authorization": f"Bearer {key}", "apikey": key},
        timeout=_TIMEOUT,
        trust_env=False,
        transport=BoundedTransport(ANSWER_BYTES, connections),
    ) as client:
        yield Objects(client)


@asynccontextmanager
async def _told(what: str, bucket: str, longer: float | None = 0.0) -> AsyncIterator[None]:
    """Bounds what is asked of storage, and says in our words why it failed: others' may hold the answer.
    `longer` is for what is sent; None: that has no bound as a whole."""
    try:
        async with asyncio.timeout(None if longer is None else CALL_SECONDS + longer):
            yield
    except (httpx2.TimeoutException, TimeoutError):
        raise StoreError(f"storage: no answer in time, asked to {what} {bucket}; try again") from None
    except (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError):
        raise StoreError(f"storage: the connection broke off, asked to {what} {bucket}; try again") from None
    except (httpx2.HTTPError, httpx2.InvalidURL):
        raise StoreError("storage: cannot be reached; check SUPABASE_URL") from None
    except (TooLargeError, ValueError, TypeError, KeyError, AttributeError):
        raise StoreError(
            f"storage: what answered, asked to {what} {bucket}, is not Supabase's storage; check SUPABASE_URL"
        ) from None


def _status_of(answer: httpx2.Response) -> int | str:
    """The status that is meant. Storage answers 400 with the true one in its body."""
    if answer.status_code == httpx2.codes.BAD_REQUEST:
        with suppress(ValueError, TypeError, KeyError):
            return str(answer.json()["statusCode"])
    return answer.status_code


def _refused(what: str, bucket: str, status: int | str) -> StoreError:
    match str(status):
        case "404":
            return SourceError(f"storage: there is no bucket {bucket}; make one that is private")
        case "401" | "403":
            return SourceError(f"storage: the service key may not {what} {bucket}")
        case "409":
            return SourceError(f"storage: an object of this name is in {bucket} already")
        case "413":
            return ObjectTooLargeError(f"storage: the file is larger than {bucket} or its project takes")
        case "415":
            return SourceError(f"storage: {bucket} does not take files of this type")
        case code:
            told = code if code.isdecimal() and len(code) == 3 else "an error"  # it may be any text
            return StoreError(f"storage: answered {told}, asked to {what} {bucket}")


def _covers(allowed: str, kind: str) -> bool:
    allowed = allowed.partition(";")[0].strip().lower()
    return allowed in ("*", "*/*", kind) or (allowed.endswith("/*") and kind.startswith(allowed[:-1]))
