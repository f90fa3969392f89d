"""A multipart form with one file, read as it comes: fields, the file, fields."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import AsyncIterator
from typing import Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from services.gateway.receiving.base import NotTakenError

MOST_FIELDS: Final = 20
MOST_BYTES: Final = 16 * 1024
"""Of all fields."""
_BOUNDARY_BYTES: Final = 200
# The parser quotes what it cannot read, which may be a person's; what is wrong is answered.
logging.getLogger("python_multipart.multipart").setLevel(logging.CRITICAL)
_MALFORMED = "the form is not well-formed multipart/form-data"


class Form:
    """Call `begin`, read `file` to its end, call `end`. Each raises NotTakenError if it is no such form."""

    def __init__(self, pieces: AsyncIterator[bytes], content_type: str) -> None:
        boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
        if not 0 < len(boundary) <= _BOUNDARY_BYTES:
            raise NotTakenError(422, "multipart/form-data needs its boundary in Content-Type")
        self.fields: dict[str, str] = {}
        """All that were read so far."""
        self.before: dict[str, str] = {}
        """Those before the file, also where a small form came whole."""
        self._pieces = pieces
        self._name = self._header = self._value = self._disposition = b""
        self._room = MOST_BYTES
        self._parts = 0
        self._file_name: str | None = None
        """Not None: the file has begun."""
        self._file_ended = self._whole = False
        self._data: deque[bytes] = deque()
        """Of the file, and not given out yet."""
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._on_part,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers,
                "on_part_data": self._on_data,
                "on_part_end": self._on_part_end,
                "on_end": self._on_end,
            },
        )

    async def begin(self) -> str:
        """Read as far as the file; gives its name."""
        while self._file_name is None:
            if not await self._more():
                raise NotTakenError(422, "the form has no file: a part with a filename")
        return self._file_name

    async def file(self) -> AsyncIterator[bytes]:
        """The file's bytes."""
        while self._data or not self._file_ended:
            if self._data:
                piece = self._data[0] if len(self._data) == 1 else b"".join(self._data)
                self._data.clear()
                yield piece
            elif not await self._more():
                raise NotTakenError(422, _MALFORMED)

    async def end(self) -> None:
        """Read what comes after the file."""
        while await self._more():
            pass
        if not self._whole:
            raise NotTakenError(422, _MALFORMED)

    async def _more(self) -> bool:
        piece = await anext(self._pieces, None)
        if piece is None:
            return False
        try:
            self._parser.write(piece)
        except FormParserError:
            raise NotTakenError(422, _MALFORMED) from None
        return True

    def _on_part(self) -> None:
        self._parts += 1
        self._header = self._value = self._disposition = b""
        if self._parts > MOST_FIELDS + 1:
            raise NotTakenError(422, f"the form has more than {MOST_FIELDS} fields")

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _on_headers(self) -> None:
        kind, options = parse_options_header(self._disposition.decode("latin-1"))
        if kind != b"form-data" or b"name" not in options:
            raise NotTakenError(422, _MALFORMED)
        self._name = options[b"name"]
        self._value = b""
        if b"filename" in options:
            if self._file_name is not None:
                raise NotTakenError(422, "the form has more than one file; send each export by itself")
            self.before = dict(self.fields)
            self._file_name = options[b"filename"].decode("utf-8", "replace")

    def _on_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._data.append(data[start:end])
            return
        self._room -= end - start
        if self._room < 0:
            raise NotTakenError(413, f"the form's fields have more than {MOST_BYTES:,} bytes")
        self._value += data[start:end]

    def _on_part_end(self) -> None:
        if self._in_file:
            self._file_ended = True
            return
        try:
            name, value = self._name.decode(), self._value.decode()
        except UnicodeDecodeError:
            raise NotTakenError(422, "the form's fields are not UTF-8") from None
        if name in self.fields:
            raise NotTakenError(422, "the form names a field twice")
        self.fields[name] = value

    def _on_end(self) -> None:
        self._whole = True

    @property
    def _in_file(self) -> bool:
        return self._file_name is not None and not self._file_ended
