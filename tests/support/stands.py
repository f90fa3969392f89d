"""How long an event loop stands still: looked at from within, and without what its thread waited for a
processor that others had."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

LOOK = 0.02
"""Seconds between two looks."""
NOTED = 0.05
"""A stand shorter than this is not noted."""


@dataclass(frozen=True, slots=True)
class Stand:
    """The loop could do nothing for so long."""

    at: float
    """By the clock that `time.monotonic` reads, the same for all processes."""
    seconds: float
    """Without the wait for a processor."""
    waited: float
    """For a processor, because others had it."""
    worked: float
    """Processor time of the whole process meanwhile."""


async def watch(path: Path) -> None:
    """Note every stand of this loop in a file, until cancelled."""
    with path.open("a") as file:
        while True:
            began, queued, worked = time.monotonic(), _queued(), time.process_time()
            await asyncio.sleep(LOOK)
            late = time.monotonic() - began - LOOK
            waited = _queued() - queued
            if late - waited >= NOTED:
                stand = Stand(began, late - waited, waited, time.process_time() - worked)
                file.write(json.dumps(asdict(stand)) + "\n")
                file.flush()


def stands_in(path: Path) -> list[Stand]:
    """What a process noted, the longest first; none where it noted nothing."""
    lines = path.read_text().splitlines() if path.exists() else []
    return sorted((Stand(**json.loads(line)) for line in lines), key=lambda stand: -stand.seconds)


def _queued() -> float:
    """Seconds that this thread has waited for a processor in its life; 0 where the system does not tell."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0
