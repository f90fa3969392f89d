"""Runs services in this process: waits for what they need, serves, drains on a stop."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import structlog
from aiokafka.errors import KafkaError
from faststream import FastStream
from prometheus_client import CollectorRegistry

from shared.domain.errors import SoulprintError, UsageError
from shared.heap import settle_garbage
from shared.host.health import health_server
from shared.host.holds import tell_holds
from shared.host.service import Kit, Opener, Service, ServiceMetrics
from shared.log.deadletter import DeadLetter, bury
from shared.log.health import LoopState, PoolState
from shared.log.kafka.connection import Connection, wait_for_kafka
from shared.log.kafka.publisher import Publisher
from shared.log.kafka.subscriber import Subscription, application, broker_for
from shared.log.metrics import PoolMetrics
from shared.log.pool import Pool
from shared.resilience.faults import Classifier
from shared.resilience.lane import Lane
from shared.settings import Settings
from shared.store.open import opened_store
from shared.store.store import Store

CONNECTIONS = 4
"""Most database connections of a service."""
_REST = 1.0
"""Seconds before a task that ended by an error is begun again."""
_STARTING = "starting"
MODEL = "model"
"""The hold of work beside a stage that waits for the model."""

log = structlog.get_logger(__name__)


def connection_of(settings: Settings) -> Connection:
    """How the settings reach Kafka. Raises UsageError if they do not say where it is."""
    if not settings.kafka_bootstrap_servers:
        raise UsageError("set KAFKA_BOOTSTRAP_SERVERS to the address of Kafka (host:port)")
    return Connection(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        security_protocol=settings.kafka_security_protocol,
        sasl_mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_username,
        password=settings.kafka_password.get_secret_value() if settings.kafka_password else None,
        ca_file=str(settings.kafka_ca_file) if settings.kafka_ca_file else None,
    )


@dataclass(slots=True)
class Replica:
    """One service of this process."""

    name: str
    service: Service
    subscription: Subscription
    app: FastStream
    tasks: list[asyncio.Task[None]]
    stopped: bool = False

    def state(self) -> tuple[PoolState, LoopState]:
        pool, trouble = self.subscription.pool.state(), self.service.trouble()
        if trouble is not None:
            pool = replace(pool, holds={**pool.holds, MODEL: trouble})
        return pool, self.subscription.state()

    async def stop(self) -> None:
        """Take no more, let what is in work end, commit, leave. Safe to call twice."""
        if self.stopped:
            return
        self.stopped = True
        for task in self.tasks:
            task.cancel()
        if self.tasks:
            await asyncio.wait(self.tasks)
        if self.service.drain is not None:
            await self.service.drain()
        await self.app.stop()
        log.info("service stopped", service=self.name)


class Host:
    """Services in one process. `run` returns after `stop`, with everything drained."""

    def __init__(
        self, services: Mapping[str, Opener], settings: Settings, registry: CollectorRegistry
    ) -> None:
        self._services = services
        self._settings = settings
        self._connection = connection_of(settings)
        self.registry = registry
        self._pool_metrics = PoolMetrics(registry)
        self._service_metrics = ServiceMetrics.of(registry)
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._stop = asyncio.Event()
        self._starting = _STARTING
        self.ready = asyncio.Event()
        """Set once every service consumes."""
        self.port = 0
        """Where health and metrics are served."""
        self.replicas: list[Replica] = []

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
        settings = self._settings
        async with AsyncExitStack() as stack:
            self.port = await stack.enter_async_context(
                health_server(settings.metrics_host, settings.metrics_port, self._states, self.registry)
            )
            store = await stack.enter_async_context(
                opened_store(
                    settings, connections=min(16, CONNECTIONS * len(self._services)), waiting=self._waits
                )
            )
            for name, opener in self._services.items():
                self.replicas.append(await self._start(name, opener, store, stack))
            settle_garbage()
            self.ready.set()
            log.info("serving", services=list(self._services), pipeline=settings.pipeline)
            telling = asyncio.create_task(
                tell_holds(store, self._owner, lambda: [replica.state()[0] for replica in self.replicas])
            )
            try:
                await self._stop.wait()
            finally:
                telling.cancel()
                await asyncio.wait([telling])
            await asyncio.gather(*(replica.stop() for replica in self.replicas))

    async def _start(self, name: str, opener: Opener, store: Store, stack: AsyncExitStack) -> Replica:
        settings = self._settings
        publisher = Publisher(
            self._connection, source=name, pipeline=settings.pipeline, metrics=self._pool_metrics
        )
        kit = Kit(name, settings, self._connection, store, publisher, self._service_metrics, self._owner)
        service = await stack.enter_async_context(opener(kit))

        async def bury_letter(letter: DeadLetter) -> None:
            await bury(letter, publisher)

        pool = Pool(
            service.stage,
            bury=bury_letter,
            metrics=self._pool_metrics,
            policy=service.pool,
            lane=Lane(probe=service.probe),
            classifier=Classifier(),
        )
        self._pool_metrics.begin(service.stage.name)
        broker = broker_for(self._connection, f"soulprint-{name}")
        group = f"soulprint.{settings.pipeline}.{name}"
        subscription = Subscription(broker, service.topic, group, pool, service.subscriber)
        app = application(self._connection, broker, [subscription], publisher)
        replica = Replica(name, service, subscription, app, [])
        stack.push_async_callback(replica.stop)
        await wait_for_kafka(self._connection, {service.topic}, tell=self._waits)
        self._starting = _STARTING
        try:
            await app.start()
        except KafkaError as error:
            raise SoulprintError(f"{name}: Kafka went away at the start: {type(error).__name__}") from None
        replica.tasks += [asyncio.create_task(_forever(name, task)) for task in service.tasks]
        log.info("service started", service=name, topic=service.topic)
        return replica

    def _waits(self, why: str) -> None:
        self._starting = f"{_STARTING}: {why}"

    def _states(self) -> list[tuple[PoolState, LoopState]] | str:
        return [replica.state() for replica in self.replicas] if self.ready.is_set() else self._starting


async def _forever(name: str, task: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            await task()
            return
        except Exception as error:
            log.exception("a task broke and is begun again", service=name, error=type(error).__name__)
        await asyncio.sleep(_REST)
