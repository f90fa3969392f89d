"""A replay that is followed: a bar on a terminal, a line in a while elsewhere; on standard error. It may be
left at any time: what drives it is not this command."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from typing import TextIO
from uuid import UUID

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from services.router.judging.words import span
from shared.domain.errors import StoreError, UsageError
from shared.store.replaying import ReplayProgress
from shared.store.store import Store
from soulprint.blocks import block
from soulprint.drawing import live
from soulprint.replay.telling import NOBODY, seconds_left, told_cost
from soulprint.replay.wording import told_items
from soulprint.terminal import say, standard_error

LOOK_SECONDS = 0.5
PLAIN_SECONDS = 5.0
NOBODY_SECONDS = 6.0
"""For which nobody is seen to drive, before that is said: another takes the lead over within this time."""
AWAY_SECONDS = 60.0
"""For which the database may be away without an end of the following."""


def going_on(plan: UUID) -> str:
    """What is said to whoever leaves."""
    return (
        f"the replay goes on without this command. Follow it: soulprint replay status {plan} --follow; "
        f"hold it: soulprint replay pause {plan}"
    )


async def follow(store: Store, plan: UUID, stream: TextIO | None = None) -> ReplayProgress:
    """Show how a replay fares until it has ended, or waits for a person with nothing under way; as it is
    then. Raises UsageError if there is none, StoreError where the database stays away."""
    stream = stream or standard_error()
    shown: _Shown = _Live(stream) if stream.isatty() else _Plain(stream)
    answered = driven = time.monotonic()
    with shown:
        while True:
            try:
                progress = await store.read_replay_progress(plan)
                answered = time.monotonic()
            except StoreError as error:
                if time.monotonic() - answered > AWAY_SECONDS:
                    raise
                shown.wait(f"waiting for the database: {error}")
                await asyncio.sleep(LOOK_SECONDS)
                continue
            if progress is None:
                raise UsageError(f"there is no plan {plan}: `soulprint replay list` has all")
            if progress.ended or (progress.state != "running" and not progress.items.get("begun")):
                return progress
            if progress.driven:
                driven = time.monotonic()
            shown.show(progress, NOBODY if time.monotonic() - driven > NOBODY_SECONDS else "")
            await asyncio.sleep(LOOK_SECONDS)


def words(p: ReplayProgress) -> str:
    """The state in one line."""
    left = seconds_left(p)
    about = "" if left is None else f", about {span(left)} left"
    return f"{p.state}: {p.settled:,} of {p.total:,} imports{about} ({told_items(p.items)}); {told_cost(p)}"


class _Shown(ABC):
    """What is shown meanwhile."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def __enter__(self) -> _Shown:
        return self

    @abstractmethod
    def __exit__(self, *_: object) -> None: ...

    @abstractmethod
    def show(self, progress: ReplayProgress, trouble: str) -> None: ...

    @abstractmethod
    def wait(self, why: str) -> None: ...


class _Plain(_Shown):
    """A line in a while where something has changed, and at once where trouble begins or ends."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._told, self._trouble, self._at = "", "", -PLAIN_SECONDS

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, progress: ReplayProgress, trouble: str) -> None:
        line = words(progress)
        if trouble != self._trouble or (line != self._told and time.monotonic() - self._at >= PLAIN_SECONDS):
            self._say(trouble if trouble and trouble != self._trouble else line)
            self._told, self._trouble = line, trouble

    def wait(self, why: str) -> None:
        if why != self._trouble:
            self._say(why)
            self._trouble = why

    def _say(self, line: str) -> None:
        say(line, to=self.stream)
        self._at = time.monotonic()


class _Live(_Shown):
    """A bar that moves."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__(stream)
        self._live = live(stream, transient=True)

    def __enter__(self) -> _Shown:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, progress: ReplayProgress, trouble: str) -> None:
        left = seconds_left(progress)
        about = "" if left is None else f", about {span(left)} left"
        grid = Table.grid(padding=(0, 1))
        grid.add_row(
            ProgressBar(total=float(max(progress.total, 1)), completed=float(progress.settled), width=24),
            f"{progress.state} {progress.settled:,} of {progress.total:,} imports{about}",
        )
        width = self._live.console.width
        below = block("", told_items(progress.items), told_cost(progress), trouble, width=width)
        self._live.update(Group(grid, Text(below)), refresh=True)

    def wait(self, why: str) -> None:
        self._live.update(Text(block(why, width=self._live.console.width)), refresh=True)
