"""What the main process and its workers say to each other: a length of four bytes, then a marshalled value.

Marshal is the cheapest of the standard ways, knows every value used here, and needs no import in the worker.
Both ends are the same interpreter, and the pipe is between this process and its own child, so its lack of
safety against strangers does not matter.
"""

from __future__ import annotations

import marshal
from typing import Any

HEADER_BYTES = 4
READY = True
"""What a worker says once, before its first answer."""


def frame(value: Any) -> bytes:
    """`value` (tuples, lists, str, int, float, bool, None) as one frame. ValueError over 4 GiB."""
    body = marshal.dumps(value)
    if len(body) >> 32:
        raise ValueError(f"a frame of {len(body)} bytes is over 4 GiB")
    return len(body).to_bytes(HEADER_BYTES, "big") + body


def body_length(header: bytes) -> int:
    """The bytes that follow a frame's header."""
    return int.from_bytes(header, "big")


def value_of(body: bytes) -> Any:
    """The value of a frame's body."""
    return marshal.loads(body)  # noqa: S302  (from our own child or parent, see above)
