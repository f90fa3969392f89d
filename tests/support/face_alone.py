"""The gateway alone in the test's own process, over real HTTP, on a store that the test holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from prometheus_client import CollectorRegistry

from services.gateway.app import app
from shared.host.http import FACE, bound, serving
from shared.host.service import Kit, Service, ServiceMetrics
from shared.log.local import LocalLog
from shared.log.metrics import PoolMetrics
from shared.settings import load_settings
from shared.store.store import Store
from tests.support.face import DIGEST, called


@dataclass(frozen=True, slots=True)
class Alone:
    """A gateway at work."""

    port: int
    service: Service
    registry: CollectorRegistry
    client: httpx2.AsyncClient
    """Calls with a service key."""

    def value(self, name: str, **labels: str) -> float:
        """A metric's value; 0 where there is none."""
        return self.registry.get_sample_value(name, labels) or 0.0


def as_it_is(kit: Kit) -> Kit:
    """No change."""
    return kit


@asynccontextmanager
async def faced_alone(
    store: Store, *, changed: Callable[[Kit], Kit] = as_it_is, **changes: Any
) -> AsyncIterator[Alone]:
    """A gateway over this store, with the log in memory; `changes` are settings."""
    registry = CollectorRegistry()
    log = LocalLog(PoolMetrics(registry))
    kit = Kit(
        name="gateway",
        settings=load_settings(**{"service_keys": DIGEST} | changes),
        store=store,
        publisher=log,
        metrics=ServiceMetrics.of(registry),
        owner="test",
        open_model=None,  # type: ignore[arg-type]  # it asks none
        log_answers=log.answers,
        reading=log.reading(),
    )
    sock = bound("127.0.0.1", 0, what="a test", setting="GATEWAY")
    port = int(sock.getsockname()[1])
    async with app(changed(kit)) as service:
        assert service.http is not None
        tasks = [asyncio.ensure_future(task()) for task in service.tasks]
        try:
            async with (
                serving(service.http, sock, FACE),
                called(port) as client,
            ):
                yield Alone(port, service, registry, client)
                if service.ending is not None:
                    service.ending()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
