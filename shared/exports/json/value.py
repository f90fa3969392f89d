"""One JSON value from its bytes: strictly and fast first, leniently where that fails."""

from __future__ import annotations

import json
from typing import Any

import orjson


class NotJsonError(ValueError):
    """The bytes are no JSON value. `offset` is where that shows; the message quotes none of them."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.offset = offset


_LENIENT_FOLD = 5
"""How many times its bytes a value takes beside itself while it is read leniently: a copy, and as text."""


def parse_json(data: bytes | bytearray | memoryview, room: int | None = None) -> Any:
    """The value of `data`. Raises NotJsonError. `room` is the memory that reading it leniently may take
    beside the value itself.

    Accepts beyond the standard what real exports hold: lone surrogate escapes and CESU-8 (they stay in the
    strings as surrogates, for `shared.domain.text.repair`), invalid UTF-8 (becomes U+FFFD), raw control
    characters in strings, NaN and infinities (become None).
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        if room is not None and len(data) * _LENIENT_FOLD > room:
            raise NotJsonError("not valid JSON, and too large to be read all the same", error.pos) from None
        return _parse_leniently(bytes(data))


def _parse_leniently(data: bytes) -> Any:
    try:
        text = data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    try:
        return _LENIENT.decode(text)
    except json.JSONDecodeError as error:
        offset = len(text[: error.pos].encode("utf-8", "surrogatepass"))
        raise NotJsonError(f"not valid JSON ({error.msg})", offset) from None
    except RecursionError:
        raise NotJsonError("nested too deeply", 0) from None
    except ValueError:
        raise NotJsonError("holds a number with thousands of digits", 0) from None


def _no_number(_: str) -> None:
    return None


_LENIENT = json.JSONDecoder(strict=False, parse_constant=_no_number)
