"""The gateway: one HTTP address in front of everything. It reads no topic; what it takes is in the database
before it is answered, and offered to the log after."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from services.gateway.access.opening import opened_access
from services.gateway.health import opened_health
from services.gateway.measuring import watch_outbox
from services.gateway.state import Gateway
from services.gateway.watching import Watcher
from services.gateway.web import application
from shared.host.service import Kit, Service
from shared.requests.relay import Relay


@asynccontextmanager
async def app(kit: Kit) -> AsyncIterator[Service]:
    """Answers, and relays what nobody offered to the log."""
    relay = Relay(kit.store, kit.publisher)
    watcher, metrics = Watcher(kit.store.watch_runs), kit.metrics.http
    metrics.streams.set_function(lambda: watcher.count)
    async with opened_access(kit.settings) as access, opened_health(kit) as health:
        gateway = Gateway(kit, access, relay, watcher, health)
        yield Service(
            http=application(gateway),
            tasks=(relay.run, watcher.run, partial(watch_outbox, kit.store, metrics)),
            ending=watcher.close,
        )
