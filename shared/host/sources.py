"""What an event asks to be read, brought to this machine for as long as it is read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from shared.domain.errors import SourceError, StoreError
from shared.domain.events import ImportReceived
from shared.domain.sources import check_owner
from shared.host.service import Kit
from shared.private import held_folder, sweep
from shared.resilience.faults import TransientError

COPIES = "soulprint-copy-"
"""What the name of a folder begins with that holds a copy of an export, among the temporary ones."""

log = structlog.get_logger(__name__)


async def sweep_copies() -> None:
    """Take away the copies of exports that processes left which were killed. To be called at the start: those
    of processes that live stay."""
    if swept := await asyncio.to_thread(sweep, COPIES):
        log.warning("copies of exports that were left by a kill are removed", count=swept)


@asynccontextmanager
async def fetched(kit: Kit, event: ImportReceived) -> AsyncIterator[list[Path]]:
    """The files of an import's source, for the block.

    Raises SourceError where they can never be read, another user's among them; TransientError where they may
    be later: that is storage, not the database, and says nothing of other imports.
    """
    check_owner(event.source, event.user_id)
    with held_folder(COPIES) as folder:
        try:
            paths = await kit.store.download_conversations(event.source, folder / "export")
        except SourceError:
            raise
        except StoreError as error:
            raise TransientError(str(error)) from None
        yield paths


class Singly:
    """Work on one thing at a time: what comes twice waits for the first to end, and then sees what it did."""

    def __init__(self) -> None:
        self._in_work: dict[Hashable, asyncio.Lock] = {}

    @asynccontextmanager
    async def on(self, thing: Hashable) -> AsyncIterator[None]:
        """Work on it for the block, alone in this process."""
        lock = self._in_work.setdefault(thing, asyncio.Lock())
        try:
            async with lock:
                yield
        finally:
            if not lock.locked():
                self._in_work.pop(thing, None)
