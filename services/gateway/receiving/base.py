"""What receives an export, and what each of them does with its bytes: looks at the first, counts and hashes
all, keeps none."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Final, Protocol, TypeVar
from uuid import UUID

from shared.domain.errors import SoulprintError
from shared.exports.containers.members import SNIFF_BYTES, kind_of

Clock = Callable[[], datetime]
ZIP, GZIP, JSON = "application/zip", "application/gzip", "application/json"
_SUFFIX: Final = {ZIP: ".zip", GZIP: ".gz", JSON: ".json"}
_TAKEN = "a zip, a gzip or JSON is taken: the vendor's export as it came"
_T = TypeVar("_T")


class NotTakenError(SoulprintError):
    """An upload is not taken, and nothing is left of it. `status` is HTTP's word for why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Upload:
    """An export that was received whole."""

    source: str
    """Where it lies, as a request names it."""
    sha256: str
    """Hex digest of its bytes: what its import is known by."""
    size: int


class Uploads(Protocol):
    """Where exports are put. `opened_uploads` makes one."""

    async def receive(
        self, pieces: AsyncIterator[bytes], user_id: UUID, name: str, size: int | None = None
    ) -> Upload:
        """Put what `pieces` give where this user's exports lie, under a name of its own that is made of
        `name`, whatever that is. `size` is how many bytes will come, where it is known.

        Raises NotTakenError for what is no export or too large, StoreError where it cannot be kept now, and
        what `pieces` raise; then nothing is left of it.
        """

    async def discard(self, upload: Upload) -> None:
        """Take away what was received. It raises nothing: what cannot be taken away is logged."""


class Reading:
    """An export as it comes. `Reading.of` has read its first bytes. Iterate it once."""

    def __init__(self, kind: str, first: bytes, rest: AsyncIterator[bytes], most: int) -> None:
        self.kind = kind
        """Its media type."""
        self.size = 0
        self._first, self._rest, self._most = first, rest, most
        self._digest = hashlib.sha256()

    @classmethod
    async def of(cls, pieces: AsyncIterator[bytes], most: int) -> Reading:
        """Look at the first bytes. Raises NotTakenError for what begins like nothing that is taken; as it is
        read on, for more than `most` bytes."""
        first = b""
        async for piece in pieces:
            first += piece
            if len(first) >= SNIFF_BYTES:
                break
        return cls(_media_type(first), first, pieces, most)

    @property
    def sha256(self) -> str:
        """Of what was read so far."""
        return self._digest.hexdigest()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._read()

    async def _read(self) -> AsyncIterator[bytes]:
        yield self._counted(self._first)
        self._first = b""
        async for piece in self._rest:
            yield self._counted(piece)

    def _counted(self, piece: bytes) -> bytes:
        self.size += len(piece)
        if self.size > self._most:
            raise too_large(self._most)
        self._digest.update(piece)
        return piece


def too_large(most: int) -> NotTakenError:
    """Why an export of more bytes is not taken."""
    return NotTakenError(413, f"the export is larger than {most:,} bytes")


def with_suffix(name: str, kind: str) -> str:
    """The name, with a suffix that tells the kind where it has none."""
    return name if PurePosixPath(name.replace("\0", "")).suffix else name + _SUFFIX[kind]


def now() -> datetime:
    """The time that names begin with."""
    return datetime.now(UTC)


async def uninterrupted(work: Awaitable[_T]) -> _T:
    """What the work gives. If whoever awaits it is cancelled meanwhile, it is ended all the same, before."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(Exception):  # whoever was to be told is gone
            await task
        raise


def _media_type(first: bytes) -> str:
    if not first:
        raise NotTakenError(422, f"the body is empty; {_TAKEN}")
    kind = kind_of(first[:SNIFF_BYTES])
    text = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    if kind == "text" and text[:1] in (b"{", b"["):
        return JSON
    if kind not in ("zip", "gz"):
        raise NotTakenError(415, f"the file begins like nothing that is taken: {_TAKEN}")
    return ZIP if kind == "zip" else GZIP
