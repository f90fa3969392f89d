"""Services at work in this process, on one log and one store: started together, stopped with their work
done."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Self

import structlog

from shared.domain.errors import UsageError
from shared.domain.events import Usage
from shared.domain.told import told
from shared.host.service import (
    Asgi,
    Kit,
    ModelOpener,
    OneRun,
    Opener,
    Service,
    ServiceMetrics,
    as_recorded,
    wait_it_out,
)
from shared.log.health import LoopState, PoolState
from shared.log.ports import Consumption, Log, LogClient
from shared.log.stage import Stage
from shared.models.open import opened_model
from shared.pipelines import SERVICES, Place, places_of
from shared.settings import Settings
from shared.store.store import Store
from shared.workers.threads import Threads
from shared.workers.workers import Workers

MODEL = "model"
"""The hold of work beside a stage that waits for the model."""
LEAST_GRACE = 2.0
"""Seconds that each service has to record what those before it have done, however long they took."""
_REST = 1.0
"""Seconds before a task that ended by an error is begun again."""

log = structlog.get_logger(__name__)


def opener_of(name: str) -> Opener:
    """The `app` of a service. Only what is served is imported. Raises UsageError if there is none."""
    if name not in SERVICES:
        raise UsageError(f"there is no service {name}; there are {', '.join(SERVICES)}")
    found: Any = importlib.import_module(f"services.{name}.app")
    opener: Opener = found.app
    return opener


ServeHttp = Callable[[Asgi], Awaitable[None]]
"""Has an application answered from now on, for as long as the services run."""


async def refuse_http(application: Asgi) -> None:
    """For processes that have no HTTP face. Raises UsageError."""
    raise UsageError("this process serves no HTTP")


@dataclass(slots=True)
class Running:
    """One service at work."""

    name: str
    service: Service
    client: LogClient
    tasks: list[asyncio.Task[None]] = field(default_factory=list)
    stopped: bool = False

    def state(self) -> tuple[PoolState, LoopState] | None:
        """How it is; None if it reads no topic."""
        found = self.client.state()
        waits = {MODEL: self.service.trouble, **self.service.beside}
        holds = {name: hold for name, why in waits.items() if (hold := why()) is not None}
        if found is None or not holds:
            return found
        pool, loop = found
        return replace(pool, holds={**pool.holds, **holds}), loop

    def is_stopped(self) -> bool:
        """Whether it is being stopped, or was."""
        return self.stopped

    async def stop(self, grace: float | None = None) -> None:
        """Take no more, let what is in work end, leave the log. Safe to call twice."""
        if self.stopped:
            return
        self.stopped = True
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)
        if self.service.drain is not None:
            await self.service.drain()
        await self.client.stop(grace)
        log.info("service stopped", service=self.name)


READERS = "shared.exports.task"
"""What the process that forks readers imports for them all."""


class Services:
    """The services of one process. Use it in an `async with` statement: it stops what it started."""

    def __init__(
        self,
        openers: Mapping[str, Opener],
        settings: Settings,
        *,
        store: Store,
        log: Log,
        metrics: ServiceMetrics,
        owner: str,
        open_model: ModelOpener | None = None,
        only: OneRun | None = None,
        sole: bool = False,
        spent: Callable[[Usage], Usage] = as_recorded,
        on_fault: Callable[[Exception], None] = wait_it_out,
        serve_http: ServeHttp = refuse_http,
    ) -> None:
        self._openers = openers
        self._serve_http = serve_http
        self._settings = settings
        self._log = log
        self._store = store
        self._only = only
        self._sole = sole
        self._stack = AsyncExitStack()
        # for one person who waits for an export of their own a process more would be a fourth of the memory
        self._workers = Workers(READERS) if only is None else Threads()
        self._kit = partial(
            Kit,
            log_answers=log.answers,
            reading=log.reading(),
            sole=sole,
            store=store,
            metrics=metrics,
            owner=owner,
            open_model=open_model or partial(opened_model, settings),
            only=only,
            spent=spent,
            on_fault=on_fault,
            workers=self._workers,
        )
        self.running: list[Running] = []
        """Those that were started, upstream first."""

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self._workers)
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.stop()
        finally:
            await self._stack.aclose()

    async def start(self, waiting: Callable[[str], None]) -> None:
        """Return when every service consumes; `waiting` is told what is waited for. Raises SoulprintError."""
        if self._sole:
            await self._store.forget_offers()  # what an earlier process's log was offered went with it
        for place in places_of(self._openers, self._settings.pipeline):
            name = place.label
            client = self._log.client(name)
            settings = self._settings.model_copy(update={"pipeline": place.pipeline})
            kit = self._kit(name=name, settings=settings, publisher=client.publisher)
            service = await self._stack.enter_async_context(self._opener(place)(kit))
            running = Running(name, service, client)
            self.running.append(running)
            tasks = list(service.tasks)
            if service.stage is None:
                # It has work without the log: what it publishes waits for the log, and it does not.
                tasks.append(partial(client.start, None, ignore_waiting))
            else:
                await client.start(_consumption(place, service, service.stage), waiting)
            if service.http is not None:
                await self._serve_http(service.http)
            running.tasks += [asyncio.create_task(_forever(name, task, running.is_stopped)) for task in tasks]
            log.info("service started", service=name)

    def _opener(self, place: Place) -> Opener:
        return self._openers.get(place.spec.name) or opener_of(place.spec.name)

    def states(self) -> Sequence[tuple[PoolState, LoopState]]:
        """How those that read a topic are."""
        return [state for each in self.running if (state := each.state()) is not None]

    def end_streams(self) -> None:
        """Have answers end that go on for as long as somebody listens."""
        for each in self.running:
            if each.service.ending is not None:
                each.service.ending()

    async def stop(self, graces: Mapping[str, float] | None = None) -> None:
        """End all; `graces` are seconds to wait for what is in work, by service, where not its own. A log in
        memory is worked off by one service after the other, within the longest grace of one if they serve
        whatever comes."""
        graces = graces or {}
        if self._log.durable:
            await asyncio.gather(*(each.stop(graces.get(each.name)) for each in self.running))
            return
        end = time.monotonic() + max((each.service.grace for each in self.running), default=0.0)
        for each in self.running:
            grace = graces.get(each.name)
            if self._only is None:
                grace = min(each.service.grace, max(LEAST_GRACE, end - time.monotonic()))
            await each.stop(grace)


async def _forever(name: str, task: Callable[[], Awaitable[None]], ended: Callable[[], bool]) -> None:
    while True:
        try:
            await task()
            return
        except Exception as error:
            if ended():  # what it gave back in the end broke, and stands in the place of its end
                log.warning("a task broke as it was ended", service=name, error=told(error))
                return
            log.exception("a task broke and is begun again", service=name, error=told(error))
        await asyncio.sleep(_REST)


def _consumption(place: Place, service: Service, stage: Stage[Any]) -> Consumption:
    return Consumption(
        place.spec.topic(place.pipeline),
        place.spec.group(place.pipeline),
        stage,
        service.policy,
        service.probe,
        service.grace,
    )


def ignore_waiting(why: str) -> None:
    """For those who have something else to do meanwhile."""
