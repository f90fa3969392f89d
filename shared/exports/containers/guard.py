"""A member's stream as formats read it: counted, capped, every failure told as a break of the member."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol, cast

from shared.domain.errors import BrokenExportError, system_reason
from shared.exports.conversation import ReadLimits

FREE_BYTES = 1024 * 1024
"""Bytes a member may expand to whatever its compressed size."""
FREE_OF_FILE = 4 * FREE_BYTES
"""Bytes that all members of one file may expand to whatever its size: each is looked at, then read."""

PIECE_BYTES = 64 * 1024
"""Bytes read at a time: a wrong checksum costs the piece in which it shows."""

Position = Callable[[], int]


class Readable(Protocol):
    """What a guarded stream reads from."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes, fewer where it has no more at hand; none only at the end."""
        ...

    def close(self) -> None:
        """Let go of what is held."""
        ...


class Account:
    """Decompressed bytes that all members together may still give."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.left = total


class Budget(Account):
    """What may still be taken of an export: bytes, those of the beginnings that tell what each member is, and
    streams of `.gz`."""

    def __init__(self, limits: ReadLimits) -> None:
        super().__init__(limits.total_bytes)
        self.looks = Account(limits.heads_bytes)
        self.streams = limits.members


class Outermost:
    """A file as it came: `size` bytes. All that is unpacked of it is counted, through however many layers."""

    __slots__ = ("size", "unpacked")

    def __init__(self, size: int) -> None:
        self.size = size
        self.unpacked = 0


class Packed:
    """What a stream is unpacked from: an outermost file, and how many of its bytes that took so far."""

    __slots__ = ("spent", "within")

    def __init__(self, within: Outermost, spent: Callable[[], float]) -> None:
        self.within = within
        self.spent = spent


class OverCapError(BrokenExportError):
    """It breaks because more of it is not read: it is over a cap."""


class GuardedStream(io.BufferedIOBase):
    """Reads `stream`; raises nothing but BrokenExportError, and that only after all bytes before the break.

    `position` tells how far the member was read where that is not its count of bytes (`.gz`). `packed` is
    there for what is unpacked: one byte may become `ratio` bytes, of the stream's own and of all of its file.
    """

    def __init__(
        self,
        stream: Readable,
        member: str,
        budget: Account,
        ratio: int,
        packed: Packed | None = None,
        position: Position | None = None,
    ) -> None:
        self._stream = stream
        self._member = member
        self._budget = budget
        self._position = position
        self._packed = packed
        self._ratio = ratio
        self._count = 0
        self.failure: BrokenExportError | None = None
        """Why nothing more comes."""

    def as_binary(self) -> BinaryIO:
        """Itself, under the name that static typing knows binary streams by."""
        return cast(BinaryIO, self)

    @property
    def is_over(self) -> bool:
        """Whether it was ended because it is over a cap."""
        return isinstance(self.failure, OverCapError)

    def progress(self) -> int:
        """Bytes read so far, in the unit of the member's size."""
        return self._count if self._position is None else self._position()

    def readable(self) -> bool:
        return True

    def read1(self, size: int | None = -1, /) -> bytes:
        return self.read(size)

    def read(self, size: int | None = -1, /) -> bytes:
        """Up to `size` bytes, fewer only before the end or a break."""
        parts = []
        wanted = self._budget.total if size is None or size < 0 else size
        while wanted > 0 and self.failure is None:
            data = self._read_some(min(wanted, PIECE_BYTES))
            if not data:
                break
            parts.append(data)
            wanted -= len(data)
        if not parts and self.failure is not None:
            raise self.failure
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        self._stream.close()
        super().close()

    def _read_some(self, size: int) -> bytes:
        try:
            data = self._stream.read(size)
        except BrokenExportError as error:  # of a layer below: its place is in the file that it is packed in
            self._fail(error.reason, type(error))
            return b""
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, ValueError) as error:
            self._fail(reason_of(error))
            return b""
        self._count += len(data)
        self._budget.left -= len(data)
        if self._budget.left < 0:
            total = self._budget.total
            self._fail(f"the export holds more than {total} bytes (SOULPRINT_MAX_EXPORT_BYTES)", OverCapError)
        elif self._packed is not None and self._expands(self._packed, len(data)):
            self._fail(
                f"it expands more than {self._ratio}-fold, as zip bombs do (SOULPRINT_MAX_COMPRESSION_RATIO)",
                OverCapError,
            )
        else:
            return data
        return b""

    def _expands(self, packed: Packed, more: int) -> bool:
        within = packed.within
        within.unpacked += more
        return (
            self._count > FREE_BYTES and self._count > self._ratio * packed.spent()
        ) or within.unpacked > FREE_OF_FILE + self._ratio * within.size

    def _fail(self, reason: str, kind: type[BrokenExportError] = BrokenExportError) -> None:
        self.failure = kind(self._member, f"byte {self._count}", reason)


def reason_of(error: BaseException) -> str:
    """What a failed read means, in words that hold nothing of the file."""
    if isinstance(error, EOFError):
        return "the compressed data ends too early"
    if isinstance(error, zipfile.BadZipFile) and "CRC" in str(error):
        return "its checksum is wrong: the data is damaged"
    if isinstance(error, zlib.error | zipfile.BadZipFile):
        return "the compressed data is damaged"
    if isinstance(error, OSError) and error.errno is not None:
        return f"it cannot be read ({system_reason(error)})"
    return "the compressed data is damaged"
