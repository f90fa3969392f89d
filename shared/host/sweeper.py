"""The sweeper: finds runs that do not move and drives exactly what is missing. One leader at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import structlog

from shared.domain.errors import SoulprintError, StoreError
from shared.domain.events import ImportReceived
from shared.domain.runs import Priority, RunKey
from shared.domain.told import told
from shared.host.service import Kit, parting
from shared.pipelines import IMPORT_RECEIVED, MEMORY_READY
from shared.resilience.faults import LaneError
from shared.store.driving import Stalled

SOLE_SECONDS = 1.0
"""Most seconds between sweeps in a process that is for one run: somebody waits for it."""
MOST = 100
"""Most runs that are driven at once."""
ALL = 10_000
"""Most runs that are driven at the start of a process whose log is new."""
TERM = 3.0
"""The lead lasts so many sweeps without a sign of its holder."""

log = structlog.get_logger(__name__)


class Sweeper:
    """Sweeps the pipeline of its service for as long as it runs; who does not lead only asks for the lead.
    `consolidate` is offered complete runs, and returns at once; None: the pipeline has none."""

    def __init__(self, kit: Kit, consolidate: Callable[[RunKey, UUID, Priority], None] | None = None) -> None:
        self._kit = kit
        self._consolidate = consolidate
        self._lead = f"sweeper.{kit.only.import_id if kit.only else kit.settings.pipeline}"
        self._first = True
        self._driving: dict[RunKey, asyncio.Task[None]] = {}
        every = kit.settings.sweep_seconds
        self._every = min(every, SOLE_SECONDS) if kit.only else every

    async def run(self) -> None:
        """Sweep again and again until cancelled; gives the lead back then."""
        try:
            while True:
                try:
                    await self.sweep()
                except (StoreError, LaneError) as error:
                    log.warning("sweep failed", stage="sweeper", error=str(error))
                await asyncio.sleep(self._every)
        finally:
            for task in self._driving.values():
                task.cancel()
            if self._driving:
                await asyncio.wait(self._driving.values())
            await self._give_back()

    async def sweep(self) -> int:
        """One sweep, if we lead: how many runs were driven again."""
        kit = self._kit
        if not await kit.store.take_lease(self._lead, kit.owner, TERM * self._every):
            return 0
        only, patience = kit.only, kit.settings.patience_with_runs
        anew = self._first and (only.resumed if only else kit.sole)
        if anew:
            patience = 0.0  # whoever began it is gone, and what was on the log
        self._first = False
        stalled = await kit.store.find_stalled(
            kit.settings.pipeline,
            patience,
            owner=kit.owner,
            import_id=only.import_id if only else None,
            begun=anew and only is None,  # the others are offered from their rows
            limit=ALL if anew else MOST,
        )
        for run in stalled:
            if run.driven:
                self._tell(run, log.info if anew or only else log.warning)
            if not kit.sole:
                await self._drive(run)
            elif run.key not in self._driving:
                # A topic in memory that is full waits for its reader, and what else is to be driven must not.
                self._driving[run.key] = task = asyncio.create_task(self._drive(run))
                task.add_done_callback(partial(self._driven, run.key))
        return sum(run.driven for run in stalled)

    def _driven(self, key: RunKey, _: asyncio.Task[None]) -> None:
        self._driving.pop(key, None)

    def _tell(self, run: Stalled, say: Callable[..., Any]) -> None:
        self._kit.metrics.redrives.labels(run.action).inc()
        say(
            "driving a run again",
            stage="sweeper",
            action=run.action,
            attempt=run.redrives,
            **_ids(run),
        )

    async def _drive(self, run: Stalled) -> None:
        try:
            await self._drive_on(run)
        except SoulprintError as error:  # all are noted as driven: the others must be
            log.warning("a run could not be driven", stage="sweeper", error=told(error), **_ids(run))

    async def _drive_on(self, run: Stalled) -> None:
        if run.action == "consolidate":
            if self._consolidate is not None:
                self._consolidate(run.key, run.user_id, run.priority)
        elif run.action == "publish":
            await publish_kept(self._kit, run.key)
        else:
            event = ImportReceived(**run.model_dump(include=set(ImportReceived.model_fields)))
            await self._kit.publish(IMPORT_RECEIVED, run.import_id, event)

    async def _give_back(self) -> None:
        async with parting():  # else the lead runs out by itself
            await self._kit.store.release_lease(self._lead, self._kit.owner)


async def publish_kept(kit: Kit, key: RunKey) -> bool:
    """Publish the memory that is kept for a run; False if none is."""
    memory = await kit.store.read_kept_memory(*key)
    if memory is None:
        return False
    await kit.publish(MEMORY_READY, memory.user_id, memory)
    await kit.store.mark_published(*key, edition=memory.edition)
    return True


def _ids(run: Stalled) -> dict[str, Any]:
    return {"import_id": str(run.import_id), "user_id": str(run.user_id), "run": run.run}
