"""Keeps large buffers out of the heap, so that memory stays flat however long a process works."""

from __future__ import annotations

import ctypes

_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_LARGE = 128 * 1024
"""Bytes; glibc's own first threshold (mallopt(3)). Left alone it grows to 32 MiB with the buffers that are
freed, which then lie in the heap and tear it apart; once set, it stays."""


def steady_heap() -> None:
    """Tell glibc's allocator so; elsewhere nothing happens. Call it before the work begins."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGE)
    mallopt(_M_ARENA_MAX, 2)
