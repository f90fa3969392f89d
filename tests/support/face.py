"""The gateway in the test's own process, over real HTTP, on a store."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from prometheus_client import CollectorRegistry

from services.gateway.app import app
from shared.host.http import HEADER_BYTES, bound, serving
from shared.host.service import Kit, Service, ServiceMetrics
from shared.log.local import LocalLog
from shared.log.metrics import PoolMetrics
from shared.settings import load_settings
from shared.store.store import Store

KEY = "a-service-key-of-the-tests-long-enough"
SERVICE = {"Authorization": f"Bearer {KEY}"}


@dataclass(frozen=True, slots=True)
class Face:
    """A gateway at work."""

    port: int
    kit: Kit
    service: Service
    registry: CollectorRegistry
    client: httpx2.AsyncClient
    """It calls as a service does."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def sample(self, name: str, **labels: str) -> float:
        """A metric's value; 0 where there is none."""
        return self.registry.get_sample_value(name, labels) or 0.0


@asynccontextmanager
async def faced(
    store: Store, *, kit_as: Callable[[Kit], Kit] = lambda kit: kit, **changes: Any
) -> AsyncIterator[Face]:
    """A gateway over this store, with the log in memory; `changes` are settings."""
    registry = CollectorRegistry()
    log = LocalLog(PoolMetrics(registry))
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    kit = Kit(
        name="gateway",
        settings=load_settings(**{"service_keys": digest} | changes),
        store=store,
        publisher=log,
        metrics=ServiceMetrics.of(registry),
        owner="test",
        open_model=None,  # type: ignore[arg-type]  # it has none
        log_answers=log.answers,
    )
    kit = kit_as(kit)
    sock = bound("127.0.0.1", 0, what="a test", setting="")
    port = int(sock.getsockname()[1])
    async with app(kit) as service:
        assert service.http is not None
        tasks = [asyncio.ensure_future(task()) for task in service.tasks]
        options = {"http": "h11", "h11_max_incomplete_event_size": HEADER_BYTES}
        async with (
            serving(service.http, sock, **options),
            httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=SERVICE, trust_env=False) as client,
        ):
            try:
                yield Face(port, kit, service, registry, client)
            finally:
                if service.ending is not None:
                    service.ending()
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


