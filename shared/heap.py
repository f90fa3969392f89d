"""Keeps large buffers out of the heap, and the garbage collector off what lives for ever."""

from __future__ import annotations

import ctypes
import gc

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_LARGE = 1024 * 1024
"""Bytes from which a buffer lies outside the heap. Left alone glibc's threshold (mallopt(3)) grows to 32 MiB
with the buffers that are freed, which then lie in the heap and tear it apart; once set, it stays. At 128 KiB,
its first value, most of our buffers would be mapped afresh each time: 18 times the page faults."""
_SLACK = 8 * 1024 * 1024
"""Bytes free at the heap's end that are kept and not given back to the system, to be asked for again."""
_YOUNG = 10_000
"""Objects made and not yet freed before the collector looks for cycles. Ours are rare: reference counts free
nearly everything. Python's own 700 is passed several times by the messages of a single chunk, all alive."""


def steady_heap() -> None:
    """Tell glibc's allocator so; elsewhere nothing happens. Call it before the work begins."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGE)
    mallopt(_M_TRIM_THRESHOLD, _SLACK)
    mallopt(_M_ARENA_MAX, 2)


def settle_garbage() -> None:
    """Call it once everything is imported and started: what exists by then is looked at no more."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 10, 10)
