"""A member's stream as formats read it: counted, capped, every failure told as a break of the member."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable
from typing import BinaryIO, cast

from shared.domain.errors import BrokenExportError, system_reason

FREE_BYTES = 1024 * 1024
"""Bytes a member may expand to whatever its compressed size."""

PIECE_BYTES = 64 * 1024
"""Bytes read at a time: a wrong checksum costs the piece in which it shows."""

Position = Callable[[], int]


class Budget:
    """Decompressed bytes that all members together may still give."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.left = total


class GuardedStream(io.BufferedIOBase):
    """Reads `stream`; raises nothing but BrokenExportError, and that only after all bytes before the break.

    `position` tells how far the underlying (for `.gz`: compressed) file was read; `ratio` caps how many bytes
    one byte of it may become.
    """

    def __init__(
        self, stream: BinaryIO, member: str, budget: Budget, position: Position | None = None, ratio: int = 0
    ) -> None:
        self._stream = stream
        self._member = member
        self._budget = budget
        self._position = position
        self._ratio = ratio
        self._count = 0
        self._failure: BrokenExportError | None = None

    def as_binary(self) -> BinaryIO:
        """Itself, under the name that static typing knows binary streams by."""
        return cast(BinaryIO, self)

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
        while wanted > 0 and self._failure is None:
            data = self._read_some(min(wanted, PIECE_BYTES))
            if not data:
                break
            parts.append(data)
            wanted -= len(data)
        if not parts and self._failure is not None:
            raise self._failure
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        self._stream.close()
        super().close()

    def _read_some(self, size: int) -> bytes:
        try:
            data = self._stream.read1(size) if hasattr(self._stream, "read1") else self._stream.read(size)
        except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, ValueError) as error:
            self._fail(reason_of(error))
            return b""
        self._count += len(data)
        self._budget.left -= len(data)
        if self._budget.left < 0:
            self._fail(f"the export holds more than {self._budget.total} bytes (SOULPRINT_MAX_EXPORT_BYTES)")
        elif self._position is not None and self._count > max(FREE_BYTES, self._ratio * self._position()):
            self._fail(
                f"it expands more than {self._ratio}-fold, as zip bombs do (SOULPRINT_MAX_COMPRESSION_RATIO)"
            )
        else:
            return data
        return b""

    def _fail(self, reason: str) -> None:
        self._failure = BrokenExportError(self._member, f"byte {self._count}", reason)


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
