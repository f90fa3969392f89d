"""What a worker and the process that asked it say to each other: a length of four bytes, a kind of one, then
JSON. JSON and nothing more able, since what a worker reads is a stranger's: what it says is data at most.
"""

from __future__ import annotations

from typing import Any

import orjson

HEADER_BYTES = 5
MOST_BYTES = 64 * 1024 * 1024
"""Of one frame. Workers hand out small pieces: whoever takes one has a loop to keep free."""

VALUE, PROGRESS, END, ERROR = b"V", b"P", b"E", b"X"
"""One of a task's values; how far it is; its answer, after which nothing comes; why there is none."""


STOOD_STILL, OUT_OF_MEMORY = "StoodStill", "MemoryError"
OF_THE_MACHINE, NO_PROCESS = "OSError", "NoProcess"
"""Kinds of errors that are no class of ours."""

HELD, CRASHED = b"Stack", b"Fatal"
"""What stands in place of a header where the interpreter itself was held, or crashed: how the tracebacks of
faulthandler begin. No frame begins so, being larger than any."""


def frame(kind: bytes, value: Any) -> bytes:
    """One frame. Raises ValueError for what JSON cannot say, or over MOST_BYTES."""
    body = orjson.dumps(value, default=_plain)
    if len(body) > MOST_BYTES:
        raise ValueError(f"a frame of {len(body)} bytes is over {MOST_BYTES}")
    return len(body).to_bytes(4, "big") + kind + body


def announced(header: bytes) -> tuple[int, bytes]:
    """How many bytes follow a header, and of which kind. Raises ValueError over MOST_BYTES."""
    size = int.from_bytes(header[:4], "big")
    if size > MOST_BYTES:
        raise ValueError(f"a frame of {size} bytes is over {MOST_BYTES}")
    return size, header[4:]


def value_of(body: bytes) -> Any:
    """What the body of a frame says. Raises ValueError."""
    return orjson.loads(body)


def _plain(value: Any) -> Any:
    if isinstance(value, set | tuple):
        return list(value)
    raise TypeError
