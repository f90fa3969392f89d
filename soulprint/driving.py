"""The services of one run, in this process, over a log in memory, from its event to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from typing import Any

from prometheus_client import CollectorRegistry

from shared.domain.errors import CostLimitError, ModelUnavailableError
from shared.domain.events import ImportReceived, Usage
from shared.heap import settle_garbage
from shared.host.service import OneRun, ServiceMetrics
from shared.host.services import Services, opener_of
from shared.log.local import LocalLog
from shared.log.metrics import PoolMetrics
from shared.models.base import Metered, Model
from shared.pipelines import services_of
from shared.requests.accept import Offer
from shared.settings import Settings
from shared.store.store import Store
from soulprint.progress import Wait, shown

OWNER = "soulprint run"
"""Who holds leases: the user's lock keeps a second run away, so one name serves all."""
LOOK_SECONDS = 0.2
"""How often the run's row is looked at."""
NOW = {"chunker": 0.0, "extractor": 0.0}
"""What a person who stops the run does not wait for; what was answered is recorded all the same."""
LAST_CALLS = {"chunker": 0.0, "extractor": 120.0}
"""Calls under way when no more may be made are paid for: their answers are waited for."""


async def drive(
    event: ImportReceived,
    *,
    resumed: bool,
    settings: Settings,
    store: Store,
    model: Model,
    registry: CollectorRegistry,
    spent: Callable[[Usage], Usage],
    command: bool,
) -> None:
    """Return when the run has ended, or raise what it cannot end for.

    `resumed`: an earlier process began it. `spent`: what it cost in all, given what is recorded. `command`:
    the process is ours, so it shows progress.
    """
    faults: asyncio.Queue[Exception] = asyncio.Queue()
    log = LocalLog(PoolMetrics(registry), on_lane_fault=faults.put_nowait)

    @asynccontextmanager
    async def opened(**_: Any) -> AsyncIterator[Model]:
        """One model serves every stage: what it may cost is one sum, and what it waits for is said once."""
        yield model

    services = Services(
        {name: opener_of(name) for name in services_of(settings.pipeline)},
        settings,
        store=store,
        log=log,
        metrics=ServiceMetrics.of(registry),
        owner=OWNER,
        open_model=opened,
        only=OneRun(event.import_id, resumed),
        on_fault=faults.put_nowait,
        spent=spent,
    )
    graces = NOW
    showing = shown(store, event, lambda: _waits_for(model, services)) if command else nullcontext()
    async with showing, services:
        try:
            await services.start(waiting=lambda why: None)
            if command:
                settle_garbage()
            if not resumed:  # else the sweeper drives what is missing
                await Offer(event, settings.pipeline).publish(log)
            await _ended(store, event, faults)
        except (CostLimitError, ModelUnavailableError):
            graces = LAST_CALLS
            raise
        finally:
            await services.stop(graces)


def _waits_for(model: Model, services: Services) -> Wait:
    """Why nothing moves: what the model's provider says first, else what holds a lane."""
    if isinstance(model, Metered):
        state = model.state
        if trouble := state.trouble or state.retrying:
            return Wait(trouble, state.seconds_left)
    holds = (hold.reason for pool, _ in services.states() for hold in pool.holds.values())
    return Wait(next(holds, ""))


async def _ended(store: Store, event: ImportReceived, faults: asyncio.Queue[Exception]) -> None:
    """Return when the run's row says so; raise the first fault that no record is to blame for."""
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_SECONDS):
                raise await faults.get()
        seen = await store.watch_run(event.import_id, event.run)
        if seen is None or seen.ended:
            return
