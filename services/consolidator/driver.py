"""The driver: of all consolidators the one that goes on with replays, step by step. All that it knows is in
the database: it may be killed at any point, and whoever leads next goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

import structlog

from shared.domain.errors import StoreError
from shared.domain.runs import Priority, RunKey
from shared.host.service import Kit, parting
from shared.requests.relay import Relay, offer_of
from shared.store.replaying import DRIVER, BegunRun

IDLE_SECONDS = 5.0
"""Between looks while no replay is at work."""
BUSY_SECONDS = 0.5
"""Between looks while imports of one are under way."""
MOVED_SECONDS = 0.02
"""After a step that changed something: there may be more to do at once. Others want the database, too."""
TERM = 3.0
"""The lead lasts so many looks without a sign of its holder."""
FIGURES_SECONDS = 10.0
"""Between looks at what is shown: each reads all imports of all replays at work. What has ended is
shown at once."""

log = structlog.get_logger(__name__)


class Driver:
    """Drives replays for as long as it runs; who does not lead only asks for the lead. What it begins is
    handed to the relay, or, where nothing of it is to be read, offered to `consolidate`, which returns at
    once."""

    def __init__(self, kit: Kit, relay: Relay, consolidate: Callable[[RunKey, UUID, Priority], None]) -> None:
        self._kit = kit
        self._relay = relay
        self._consolidate = consolidate
        self._idle = min(IDLE_SECONDS, kit.settings.sweep_seconds)
        self._moved = False
        self._shown_at = 0.0

    async def run(self) -> None:
        """Drive until cancelled; gives the lead back then."""
        try:
            while True:
                try:
                    pause = await self.look()
                except StoreError as error:  # away, full, or no longer ours: it goes on where it was
                    log.warning("replays stand still", stage="driver", error=str(error))
                    pause = self._idle
                await asyncio.sleep(pause)
        finally:
            async with parting():  # else the lead runs out by itself
                await self._kit.store.release_lease(DRIVER, self._kit.owner)

    async def look(self) -> float:
        """One step, if we lead; after how many seconds the next is due. Raises StoreError."""
        kit = self._kit
        if not await kit.store.take_lease(DRIVER, kit.owner, TERM * self._idle):
            kit.metrics.replays.clear()
            self._shown_at = 0.0
            return self._idle
        step = await kit.store.advance_replays(kit.owner)
        if step.begun is not None:
            self._hand_on(step.begun)
        if step.moved:
            self._moved = True
            return MOVED_SECONDS
        over = self._moved and not step.busy
        if over or time.monotonic() - self._shown_at >= FIGURES_SECONDS:
            kit.metrics.replays.show(await kit.store.read_replay_figures())
            self._moved, self._shown_at = False, time.monotonic()
        return min(self._idle, BUSY_SECONDS) if step.busy else self._idle

    def _hand_on(self, run: BegunRun) -> None:
        log.info("doing an import again", stage="driver", import_id=str(run.import_id), run=run.run)
        if not run.ready:
            self._relay.hand([offer_of(run)])
        elif run.pipeline == self._kit.settings.pipeline:  # else its own sweeper finds it
            self._consolidate(run.key, run.user_id, run.priority)
