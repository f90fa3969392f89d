"""Waiting for something to become true, instead of sleeping for a guessed time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable


async def until(condition: Callable[[], bool] | Callable[[], Awaitable[bool]], seconds: float = 30.0) -> None:
    """Return when the condition holds; fail if it does not within so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        answer = condition()
        if not isinstance(answer, bool):
            answer = await answer
        if answer:
            return
        assert time.monotonic() < deadline, f"not within {seconds} s: {condition.__doc__ or condition!r}"
        await asyncio.sleep(0.02)
