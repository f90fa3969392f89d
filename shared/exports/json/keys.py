"""The keys of an object of which only the beginning is there."""

from __future__ import annotations

import re

_MARK = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[{}\[\]:]', re.DOTALL)
"""A string that does not end is one, too: else it would be looked for again behind each quote in it."""


def top_keys(data: bytes | bytearray, position: int) -> set[str]:
    """Keys of the object that begins at `position`, as far as they lie in `data`."""
    keys: set[str] = set()
    depth, last = 0, b""
    for found in _MARK.finditer(data, position):
        mark = found[0]
        if mark in (b"{", b"["):
            depth += 1
        elif mark in (b"}", b"]"):
            depth -= 1
            if depth == 0:
                break
        elif mark != b":":
            last = bytes(mark[1:-1])
        elif depth == 1:
            keys.add(last.decode("utf-8", "replace"))
    return keys
