"""The gateway: one HTTP address in front of everything. It reads no topic; what it takes is in the database
before it is answered, and offered to the log after."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from services.gateway.access.opening import opened_access
from services.gateway.deprecation import opened_deprecation
from services.gateway.health import opened_health
from services.gateway.legacy_calls import opened_calls
from services.gateway.measuring import watch_outbox
from services.gateway.proxy import opened_proxy
from services.gateway.receiving.opening import opened_uploads
from services.gateway.state import Gateway
from services.gateway.watching import Watcher
from services.gateway.web import application
from shared.host.service import Kit, Service
from shared.requests.relay import Relay


@asynccontextmanager
async def app(kit: Kit) -> AsyncIterator[Service]:
    """Answers, and relays what nobody offered to the log."""
    relay = Relay(kit.store, kit.publisher, sole=kit.sole)
    watcher, metrics, settings = Watcher(kit.store.watch_runs), kit.metrics.http, kit.settings
    async with (
        opened_access(settings) as access,
        opened_proxy(settings.v1_backend_url) as proxy,
        opened_health(kit) as health,
        opened_uploads(settings) as uploads,
        opened_deprecation(kit.store.read_policy, gone=settings.v1_route == "gone") as deprecation,
        opened_calls(kit.store.note_legacy_call, metrics.legacy_calls) as calls,
    ):
        metrics.streams.set_function(lambda: watcher.count)
        metrics.proxied.set_function(lambda: proxy.under_way)
        gateway = Gateway(kit, access, relay, proxy, watcher, health, deprecation, calls, uploads)
        metrics.uploads.set_function(lambda: gateway.places.taken)
        yield Service(
            http=application(gateway),
            tasks=(relay.run, watcher.run, calls.run, partial(watch_outbox, kit.store, metrics)),
            ending=watcher.close,
        )
