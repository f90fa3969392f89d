"""The relay: what was accepted and not offered to the log is offered. The rows are the outbox."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

import structlog

from shared.domain.errors import SoulprintError, StoreError
from shared.domain.runs import RunKey
from shared.log.ports import Publisher
from shared.requests.accept import Offer, event_of
from shared.requests.lanes import Lanes
from shared.store.accepting import Unoffered
from shared.store.store import Store

LOOK_SECONDS = 2.0
"""Between looks at what nobody offered."""
OLD_SECONDS = 5.0
"""Whoever accepts offers at once: what is younger is theirs."""
LEASE_SECONDS = 30.0
"""For which what is taken is this relay's: another takes it up where this one dies."""
GATHER_SECONDS = 0.05
"""What is offered in this time is noted in one call."""
MOST = 256
"""Offers in work: while the log takes nothing they wait, and the others in the database."""

log = structlog.get_logger(__name__)


class Relay:
    """Offers what it is handed, and what it finds; a lane without a topic holds up no other. Any number of
    them work side by side: a run's event that comes twice is the same run."""

    def __init__(self, store: Store, publisher: Publisher, *, sole: bool = False) -> None:
        """`sole`: whoever accepted what is there before the first look is gone, and offers nothing."""
        self._old = 0.0 if sole else OLD_SECONDS
        self._store = store
        self._lanes = Lanes(publisher)
        self._offers: dict[RunKey, asyncio.Task[None]] = {}
        self._offered: list[RunKey] = []
        self._news = asyncio.Event()

    def hand(self, offers: Iterable[Offer]) -> None:
        """Offer these at once. Where too much waits already they are left to be found."""
        for each in offers:
            if len(self._offers) < MOST and each.key not in self._offers:
                task = asyncio.create_task(self._offer(each))
                self._offers[each.key] = task
                task.add_done_callback(partial(self._done, each.key))

    def _done(self, key: RunKey, _: asyncio.Task[None]) -> None:
        self._offers.pop(key, None)

    async def run(self) -> None:
        """Look again and again until cancelled; what is in work then is left to others."""
        look_at = 0.0
        try:
            while True:
                self._news.clear()
                try:
                    await self._note()
                    if time.monotonic() >= look_at:
                        full = await self._find()
                        look_at = time.monotonic() + (0.0 if full else LOOK_SECONDS)
                except StoreError as error:
                    log.warning("relay failed", stage="relay", error=str(error))
                    look_at = time.monotonic() + LOOK_SECONDS
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, look_at - time.monotonic())):
                        await self._news.wait()
                await asyncio.sleep(GATHER_SECONDS)
        finally:
            await self._end()

    async def _find(self) -> bool:
        """Offer what was found; whether there may be more."""
        room = MOST - len(self._offers)
        if room <= 0:
            return False
        found = await self._store.take_unoffered(self._old, LEASE_SECONDS, room)
        self._old = OLD_SECONDS if len(found) < room else self._old
        if found:
            log.info("offering what was not", stage="relay", runs=len(found))
        self.hand(offer_of(run) for run in found)
        return len(found) == room

    async def _note(self) -> None:
        offered, self._offered = self._offered, []
        if offered:
            try:
                await self._store.note_offered(offered)
            except StoreError:
                self._offered += offered
                raise

    async def _offer(self, offer: Offer) -> None:
        try:
            if not await self._lanes.publish(offer):
                return  # it stays in the database, too
        except SoulprintError as error:  # it stays in the database, and is found again
            log.warning("not offered", stage="relay", error=str(error), **offer.event.ids)
            return
        self._offered.append(offer.key)
        self._news.set()

    async def _end(self) -> None:
        tasks = [*self._offers.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        with suppress(StoreError, TimeoutError):  # what is not noted is offered twice
            async with asyncio.timeout(2.0):
                await self._note()


def offer_of(run: Unoffered) -> Offer:
    """The event of a run, from its row."""
    event = event_of(
        run,
        run.user_id,
        import_id=run.import_id,
        kind=run.kind,
        parent_id=run.parent_id,
        priority=run.priority,
    )
    return Offer(event, run.pipeline)
