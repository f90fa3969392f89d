"""A process that serves: waits for what its services need, tells its health, drains on a stop."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from shared.heap import settle_garbage
from shared.host.health import health_server
from shared.host.holds import telling_holds
from shared.host.http import opened_front
from shared.host.service import Opener, ServiceMetrics
from shared.host.services import Running, Services, refuse_http
from shared.host.sole import sole_over
from shared.host.sources import sweep_copies
from shared.log.health import LoopState, PoolState
from shared.log.kafka.client import KafkaLog
from shared.log.metrics import PoolMetrics
from shared.log.ports import Log
from shared.pipelines import SERVICES, places_of
from shared.settings import Settings
from shared.store.open import opened_store
from shared.store.store import Store

CONNECTIONS = 4
"""Most database connections of a service."""
OF_A_FACE = 8
"""Besides, where there is an HTTP face: reads must not wait behind imports that wait for the disk."""
SOLE = "soulprint up"
"""Who holds leases where there is one process: see soulprint.driving.OWNER."""
_STARTING = "starting"

log = structlog.get_logger(__name__)


class Host:
    """Services in one process. `run` returns after `stop`, with everything drained."""

    def __init__(
        self,
        openers: Mapping[str, Opener],
        settings: Settings,
        registry: CollectorRegistry,
        *,
        open_log: Callable[[Settings, PoolMetrics], Log] = KafkaLog.of,
        sole: str | None = None,
    ) -> None:
        """`sole`: the name under which this process, and after it the next one like it, is the only one at
        work over its database; another that is, is waited for. All that it holds there it then holds under
        one name, so that after a kill the next goes on at once."""
        self._openers = openers
        self._settings = settings
        self._sole = sole
        self.registry = registry
        self._pool_metrics = PoolMetrics(registry)
        self._service_metrics = ServiceMetrics.of(registry)
        self._log = open_log(settings, self._pool_metrics)
        self._services: Services | None = None
        self._stop = asyncio.Event()
        self._starting = _STARTING
        self.ready = asyncio.Event()
        """Set once every service consumes."""
        self.port = 0
        """Where health and metrics are served."""
        self.public_port = 0
        """Where its HTTP face is, if one of the services has one."""

    @property
    def running(self) -> Sequence[Running]:
        """The services that were started."""
        return () if self._services is None else self._services.running

    def stop(self) -> None:
        """Ask for the end. Safe to call at any time, and again."""
        self._stop.set()

    async def run(self) -> None:
        """Start, serve until `stop`, drain. Raises SoulprintError if it cannot start."""
        body = asyncio.create_task(self._serve())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({body, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not body.done() and not self.ready.is_set():
                body.cancel()  # still waiting for Kafka or the database: nothing is in work
            await asyncio.wait({body})
        finally:
            stopping.cancel()
            if not body.done():
                self._stop.set()
                body.cancel()
                await asyncio.wait({body})
        if not body.cancelled():
            body.result()

    async def _serve(self) -> None:
        settings, names = self._settings, list(self._openers)
        process = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        owner = SOLE if self._sole is not None else process
        async with AsyncExitStack() as stack:
            self.port = await stack.enter_async_context(
                health_server(settings.metrics_host, settings.metrics_port, self._states, self.registry)
            )
            await sweep_copies()
            # Alive, and said to be, before the database is there.
            face = AsyncExitStack()
            stack.push_async_exit(face)
            serve_http = refuse_http
            if any(SERVICES[name].reads is None for name in names if name in SERVICES):
                front = await face.enter_async_context(
                    opened_front(settings.gateway_host, settings.gateway_port)
                )
                serve_http, self.public_port = front.serve, front.port
            connections = min(16, CONNECTIONS * len(names) + (OF_A_FACE if self.public_port else 0))
            store = await stack.enter_async_context(
                opened_store(settings, connections=connections, waiting=self._waits)
            )
            lost = await stack.enter_async_context(self._alone(store))
            self._services = services = await stack.enter_async_context(
                Services(
                    self._openers,
                    settings,
                    store=store,
                    log=self._log,
                    metrics=self._service_metrics,
                    owner=owner,
                    sole=self._sole is not None,
                    serve_http=serve_http,
                )
            )
            for place in places_of(names, settings.pipeline):
                if place.spec.reads is not None:
                    self._pool_metrics.begin(place.label)
            await services.start(self._waits)
            settle_garbage()
            self.ready.set()
            log.info("serving", services=names, pipeline=settings.pipeline)
            async with telling_holds(store, process, lambda: [pool for pool, _ in services.states()]):
                stopping: asyncio.Future[Any] = asyncio.create_task(self._stop.wait())
                await asyncio.wait({stopping, lost}, return_when=asyncio.FIRST_COMPLETED)
                stopping.cancel()
            services.end_streams()
            await face.aclose()  # takes nothing more; then what was taken is worked off
            if lost.done():
                lost.result()

    @asynccontextmanager
    async def _alone(self, store: Store) -> AsyncIterator[asyncio.Future[Any]]:
        """What ends where another process took our place."""
        if self._sole is not None:
            async with sole_over(store, self._sole, self._waits) as lost:
                yield lost
        else:
            yield asyncio.get_running_loop().create_future()

    def _waits(self, why: str) -> None:
        self._starting = f"{_STARTING}: {why}"

    def _states(self) -> Sequence[tuple[PoolState, LoopState]] | str:
        return self._services.states() if self._services and self.ready.is_set() else self._starting
