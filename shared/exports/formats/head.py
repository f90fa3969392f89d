"""The beginning of a member, parsed as far as it goes: what formats are detected by."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any, BinaryIO

import ijson

from shared.domain.errors import BrokenExportError
from shared.exports.formats.base import Head

TEXT_BYTES = 64 * 1024
"""Bytes of `Head.text`."""
HEAD_BYTES = 1024 * 1024
"""Most bytes parsed for `Head.objects`; a conversation larger than that is seen in part."""
HEAD_ITEMS = 3
"""Elements kept of each list, and top-level values kept."""
HEAD_DEPTH = 200
"""Deeper nesting ends the head."""


def read_head(stream: BinaryIO) -> Head:
    """The head of `stream`, which is left somewhere behind it. A stream that breaks gives what it held."""
    beginning = _Beginning(stream)
    text = beginning.data.decode("utf-8", "replace")
    if text[:1] not in ("{", "["):
        return Head(text, [], "other")
    values = _values(beginning)
    if text[0] == "[":
        first = values[0] if values else []
        return Head(text, first if isinstance(first, list) else [], "array")
    return Head(text, values, "lines" if len(values) > 1 else "object")


class _Beginning:
    """The first HEAD_BYTES of a stream without byte order mark and leading space, read as needed."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._left = HEAD_BYTES
        self.data = self._read(TEXT_BYTES).removeprefix(codecs.BOM_UTF8).lstrip()
        self._first = self.data

    def read(self, size: int) -> bytes:
        """As `ijson` reads; it asks for nothing (size 0) once, to learn that this is bytes."""
        if size == 0:
            return b""
        if self._first:
            first, self._first = self._first, b""
            return first
        return self._read(min(size, self._left))

    def _read(self, size: int) -> bytes:
        try:
            data = self._stream.read(size)
        except BrokenExportError:
            data = b""
        self._left -= len(data)
        return data


def _values(beginning: _Beginning) -> list[Any]:
    """The top-level values as far as they are whole or begun, lists cut to HEAD_ITEMS."""
    top: list[Any] = []
    stack: list[Any] = [top]
    keys: list[str] = [""]
    for event, value in _events(beginning):
        if event == "map_key":
            keys[-1] = value
        elif event in ("end_map", "end_array"):
            stack.pop()
            keys.pop()
            if _enough(top, len(stack)):
                break
        else:
            made: Any = {} if event == "start_map" else [] if event == "start_array" else value
            _put(stack[-1], keys[-1], made)
            if event in ("start_map", "start_array"):
                stack.append(made)
                keys.append("")
                if len(stack) > HEAD_DEPTH:
                    break
    return top


def _put(holder: Any, key: str, value: Any) -> None:
    if isinstance(holder, dict):
        holder[key] = value
    elif len(holder) < HEAD_ITEMS:
        holder.append(value)


def _enough(top: list[Any], depth: int) -> bool:
    if depth == 1:
        return len(top) >= HEAD_ITEMS or isinstance(top[0], list)
    return depth == 2 and isinstance(top[0], list) and len(top[0]) >= HEAD_ITEMS


def _events(beginning: _Beginning) -> Iterator[tuple[str, Any]]:
    try:
        yield from ijson.basic_parse(beginning, multiple_values=True, use_float=True, buf_size=TEXT_BYTES)
    except (ijson.JSONError, ValueError, OverflowError):
        return
