"""Reading beside the event loop, where a step of it takes long."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")


async def next_beside(steps: Iterator[T]) -> T | None:
    """The next step, made in a thread; None at the end. When this returns or is cancelled, the thread has
    left `steps` and what they read from."""
    work = asyncio.ensure_future(asyncio.to_thread(next, steps, None))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait([work])
        work.exception()  # nobody is left to be told
        raise
