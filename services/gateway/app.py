"""The gateway: one HTTP address in front of everything. It reads no topic; what it takes is in the database
before it is answered, and offered to the log after."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from services.gateway.access.opening import opened_access
from services.gateway.proxy import opened_proxy
from services.gateway.state import Gateway
from services.gateway.web import application
from shared.host.service import Kit, Service
from shared.requests.relay import Relay


@asynccontextmanager
async def app(kit: Kit) -> AsyncIterator[Service]:
    """Answers, and relays what nobody offered to the log."""
    relay = Relay(kit.store, kit.publisher)
    async with opened_access(kit.settings) as access, opened_proxy(kit.settings.v1_backend_url) as proxy:
        gateway = Gateway(kit, access, relay, proxy)
        yield Service(http=application(gateway), tasks=(relay.run,))
