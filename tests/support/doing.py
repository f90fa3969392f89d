"""What a service does at this moment, as it says itself: a tuned one (`tests.support.tuned_service`) writes
it to its log when asked by a signal."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

from shared.host.host import Host

ASKED = signal.SIGUSR1
BEGIN, END = "--- what it does ---", "--- that was all ---"


def doing(host: Host) -> str:
    """The state of its pools, lanes and loops, and where each task waits."""
    states = host._states()
    told = [states] if isinstance(states, str) else [f"{pool}\n{loop}" for pool, loop in states]
    tasks = sorted(" < ".join(reversed(list(_waits(task.get_coro())))) for task in asyncio.all_tasks())
    return "\n".join([BEGIN, *told, *tasks, END])


def _waits(coroutine: Any) -> Iterator[str]:
    """Who waits for whom, from the outermost on."""
    while coroutine is not None:
        for kind in ("cr", "ag", "gi"):
            if (frame := getattr(coroutine, f"{kind}_frame", None)) is not None:
                yield f"{coroutine.__qualname__}:{frame.f_lineno}"
                coroutine = getattr(coroutine, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")
                break
        else:
            return
