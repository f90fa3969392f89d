"""What a run shows while it works: one live line on a terminal, plain lines elsewhere. On standard error."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

LIVE_SECONDS = 0.2
PLAIN_SECONDS = 5.0
MEGA = 1_000_000


@dataclass(slots=True)
class RunProgress:
    """How far a run is. The stages write it, the display reads it."""

    stage: str = "starting"
    bytes_total: int = 0
    bytes_read: int = 0
    conversations: int = 0
    chunks: int = 0
    chunks_done: int = 0
    facts: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def share(self) -> float:
        """Part of the export that was read, 0 to 1."""
        return min(1.0, self.bytes_read / self.bytes_total) if self.bytes_total else 0.0

    @property
    def rate(self) -> float:
        """Conversations a second since the start."""
        return self.conversations / max(1e-9, time.monotonic() - self.started)

    @property
    def seconds_left(self) -> float | None:
        """Estimated from the share read so far; None while nothing can be said."""
        elapsed = time.monotonic() - self.started
        return elapsed * (1 - self.share) / self.share if self.share > 0.01 and elapsed > 1 else None

    def words(self) -> str:
        """The state in one line, without a person's words."""
        left = self.seconds_left
        return (
            f"{self.stage}: {self.bytes_read / MEGA:.1f} of {self.bytes_total / MEGA:.1f} MB, "
            f"{self.conversations:,} conversations ({self.rate:,.0f}/s), "
            f"{self.chunks_done:,} of {self.chunks:,} chunks, {self.facts:,} facts"
            + (f", about {_duration(left)} left" if left is not None and self.share < 1 else "")
        )


@asynccontextmanager
async def shown(
    progress: RunProgress, refresh: Callable[[], None], stream: TextIO | None = None
) -> AsyncIterator[None]:
    """Show `progress` while the block runs; `refresh` brings it up to date before each drawing."""
    stream = stream or sys.stderr
    show = _live if stream.isatty() else _plain
    task = asyncio.create_task(show(progress, refresh, stream))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def _plain(progress: RunProgress, refresh: Callable[[], None], stream: TextIO) -> None:
    while True:
        await asyncio.sleep(PLAIN_SECONDS)
        refresh()
        stream.write(progress.words() + "\n")
        stream.flush()


async def _live(progress: RunProgress, refresh: Callable[[], None], stream: TextIO) -> None:
    console = Console(file=stream)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        while True:
            refresh()
            grid = Table.grid(padding=(0, 1))
            grid.add_row(ProgressBar(total=1.0, completed=progress.share, width=24), progress.words())
            live.update(grid, refresh=True)
            await asyncio.sleep(LIVE_SECONDS)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
