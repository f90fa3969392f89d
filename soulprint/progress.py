"""What a run shows while it works: one live line on a terminal, plain lines elsewhere. On standard error."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import NamedTuple, TextIO

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from shared.domain.errors import StoreError
from shared.domain.events import ImportReceived
from shared.domain.plurals import counted
from shared.domain.spans import span
from shared.store.runs import RunRow
from shared.store.store import Store
from soulprint.blocks import block
from soulprint.drawing import live
from soulprint.terminal import say, standard_error

LIVE_SECONDS = 0.3
LOOK_SECONDS = 0.5
PLAIN_SECONDS = 5.0
MEGA = 1_000_000


Look = Callable[[], Awaitable["Progress | None"]]


class Wait(NamedTuple):
    """Why nothing moves."""

    reason: str = ""
    """Empty while something does."""
    seconds_left: float | None = None
    """Until the run is given up, if it is."""

    def __str__(self) -> str:
        if not self.reason:
            return ""
        left = "" if self.seconds_left is None else f"; gives up in {span(self.seconds_left)}"
        return f"waiting: {self.reason}{left}"


MOVES = Wait()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, by its row."""

    run: RunRow
    seconds: float
    """Since the run was begun here."""
    wait: Wait = MOVES

    @property
    def share(self) -> float:
        """Part of the export that was read, 0 to 1."""
        reading = self.run.reading
        return min(1.0, reading.bytes_read / reading.bytes_total) if reading.bytes_total else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimated from what is done so far; None while nothing can be said."""
        done = self.run.progress_percent / 100
        if self.wait.reason or done <= 0.01 or self.seconds <= 1:
            return None
        return self.seconds * (1 - done) / done

    def words(self) -> str:
        """The state in one line, without a person's words."""
        left = f", {self._left()}" if self._left() else ""
        waits = f"; {self.wait}" if self.wait.reason else ""
        return f"{self.run.stage or self.run.state}: {self._found()}{left}{waits}"

    def lines(self, width: int) -> tuple[str, str]:
        """What stands beside the bar, and what stands below it, wrapped."""
        run = self.run
        left = f", {self._left()}" if self._left() else ""
        beside = f"{run.stage or run.state} {run.progress_percent:.0f} %{left}"
        return beside, block(str(self.wait), self._found(), width=width)

    def _found(self) -> str:
        run, reading = self.run, self.run.reading
        done = run.chunks_ok + run.chunks_dead
        if run.chunks_total is None:
            chunks = counted(done, "chunk")
        else:
            chunks = f"{done:,} of {counted(run.chunks_total, 'chunk')}"
        rate = reading.conversations / max(self.seconds, 1e-9)
        return (
            f"{reading.bytes_read / MEGA:.1f} of {reading.bytes_total / MEGA:.1f} MB, "
            f"{counted(reading.conversations, 'conversation')} ({rate:,.0f}/s), {chunks}, "
            f"{counted(run.facts_extracted, 'fact')}"
        )

    def _left(self) -> str:
        run, left = self.run, self.seconds_left
        if left is None or run.chunks_ok + run.chunks_dead == run.chunks_total:
            return ""
        return f"about {span(left)} left"


@asynccontextmanager
async def shown(
    store: Store,
    event: ImportReceived,
    waits_for: Callable[[], Wait] = lambda: MOVES,
    stream: TextIO | None = None,
) -> AsyncIterator[None]:
    """Show how far the run is while the block runs: its row says it, whichever process works on it.
    `waits_for` says why nothing moves."""
    stream = stream or standard_error()
    began = time.monotonic()

    async def look() -> Progress | None:
        rows = await store.list_runs(event.import_id, limit=1)
        return Progress(rows[0], time.monotonic() - began, waits_for()) if rows else None

    task = asyncio.create_task((_live if stream.isatty() else _plain)(look, stream))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _plain(look: Look, stream: TextIO) -> None:
    """A line in a while, and at once when something begins or ceases to hold the run up."""
    told, waited_for = time.monotonic(), ""
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        with suppress(StoreError):  # the run itself says what is wrong
            progress = await look()
            if progress is None:
                continue
            if progress.wait.reason != waited_for or time.monotonic() - told >= PLAIN_SECONDS:
                say(progress.words(), to=stream)
                told, waited_for = time.monotonic(), progress.wait.reason


async def _live(look: Look, stream: TextIO) -> None:
    with live(stream, transient=True) as drawn:
        while True:
            with suppress(StoreError):
                if (progress := await look()) is not None:
                    beside, below = progress.lines(drawn.console.width)
                    grid = Table.grid(padding=(0, 1))
                    bar = ProgressBar(total=100.0, completed=progress.run.progress_percent, width=24)
                    grid.add_row(bar, beside)
                    drawn.update(Group(grid, Text(below)), refresh=True)
            await asyncio.sleep(LIVE_SECONDS)
