"""Consolidation of runs whose chunks are all in: a few at a time, beside the recording."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from types import MappingProxyType
from uuid import UUID

import structlog

from services.consolidator.consolidate import ConsolidationPolicy, consolidate
from shared.domain.errors import CostLimitError, ModelUnavailableError, StoreError
from shared.domain.runs import Priority, RunKey
from shared.domain.told import told
from shared.host.service import Kit, parting
from shared.log.gate import Gate
from shared.models.base import Model
from shared.pipelines import MEMORY_READY
from shared.resilience.faults import Fault, fault_of
from shared.resilience.lane import Hold

AT_ONCE = 3
KEPT = 1
"""Of these, which replays do not take: a consolidation waits for a model, and may last minutes."""
TRIALS = MappingProxyType({Fault.TRANSIENT: 5, Fault.POISON: 5, Fault.UNKNOWN: 30})
"""Failures of a kind after which a run ends failed. A model or a database that is down is not its fault; what
may be either is tried for some minutes of sweeps."""
GRACE = 10.0
"""Seconds that a shutdown waits for what is under way; what is not done is begun anew elsewhere."""
STEP = "consolidating"
TROUBLE_SECONDS = 60.0
"""How long a run that waits for the model is believed to wait without having asked again."""

log = structlog.get_logger(__name__)


class Consolidations:
    """Runs on their way to their memory. What fails is offered again by the sweeper."""

    def __init__(self, kit: Kit, model: Model) -> None:
        settings = kit.settings
        self._kit = kit
        self._model = model
        self._policy = ConsolidationPolicy(
            settings.memory_tokens,
            settings.min_coverage,
            settings.lease_seconds,
            sample_size=settings.sample_size,
        )
        self._slots = Gate(AT_ONCE, KEPT)
        self._tasks: dict[RunKey, asyncio.Task[None]] = {}
        self._failures: dict[RunKey, Counter[Fault]] = {}
        self._closed = False
        self._trouble: Hold | None = None
        self._troubled_at = 0.0

    def offer(self, key: RunKey, user_id: UUID, priority: Priority) -> None:
        """Take a user's complete run on, unless it is being worked on here. Returns at once."""
        if self._closed or key in self._tasks:
            return
        task = self._tasks[key] = asyncio.create_task(self._work(key, user_id, priority))
        task.add_done_callback(lambda _: self._tasks.pop(key, None))

    def trouble(self) -> Hold | None:
        """Why runs wait for the model; None once one got through, or none has asked for a while."""
        asked_again = 3 * self._kit.settings.sweep_seconds + TROUBLE_SECONDS
        return self._trouble if time.monotonic() - self._troubled_at < asked_again else None

    async def drain(self) -> None:
        """Take nothing more, wait a little for what is under way, end the rest."""
        self._closed = True
        tasks = list(self._tasks.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=GRACE)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)

    async def _work(self, key: RunKey, user_id: UUID, priority: Priority) -> None:
        async with self._slots.place(user_id, key.import_id, replay=priority == "replay"):
            try:
                await self._consolidate(key)
                self._failures.pop(key, None)
                self._trouble = None
            except Exception as error:
                await self._failed(key, user_id, error)
            finally:
                async with parting():  # else the lease runs out by itself
                    await self._kit.store.release_run(*key, self._kit.owner)

    async def _consolidate(self, key: RunKey) -> None:
        store = self._kit.store
        memory = await store.read_kept_memory(*key)  # made before, and then we were interrupted
        if memory is None:
            held = asyncio.create_task(self._hold_lease(key))
            try:
                memory = await consolidate(key, self._kit.owner, store, self._model, self._policy)
            finally:
                held.cancel()
            if memory is None:
                return
            memory = memory.model_copy(update={"usage": self._kit.spent(memory.usage)})
            if not await store.keep_memory(*key, memory):
                return
        await self._kit.publish(MEMORY_READY, memory.user_id, memory)
        await store.mark_published(*key, edition=memory.edition)
        log.info("memory published", stage="consolidator", **memory.ids)

    async def _hold_lease(self, key: RunKey) -> None:
        """A model call may take longer than the lease."""
        while True:
            await asyncio.sleep(self._policy.lease_seconds / 3)
            with suppress(StoreError):
                await self._kit.store.renew_run(*key, self._kit.owner, self._policy.lease_seconds)

    async def _failed(self, key: RunKey, user_id: UUID, error: Exception) -> None:
        fault = fault_of(error)
        if fault in (Fault.LANE, Fault.UNKNOWN):
            self._kit.on_fault(error)
        if isinstance(error, ModelUnavailableError | CostLimitError):
            self._trouble = Hold(told(error), self._trouble.since if self._trouble else time.time())
            self._troubled_at = time.monotonic()
        failures = self._failures.setdefault(key, Counter())
        failures[fault] += 1
        log.error(
            "consolidation failed",
            step=STEP,
            error=told(error),
            fault=fault,
            attempt=failures[fault],
            user_id=str(user_id),
            import_id=str(key.import_id),
            run=key.run,
        )
        if fault in TRIALS and failures[fault] >= (TRIALS[fault] if self._kit.only is None else 1):
            with suppress(StoreError):
                await self._kit.store.fail_run(*key, step=STEP, error=told(error))
                self._failures.pop(key, None)
