"""What the gateway counts of itself: requests by route, and what waits for the log."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from services.gateway.proxy import PASSED_ON
from shared.domain.errors import StoreError
from shared.host.service import HttpMetrics
from shared.store.store import Store

PROXIED: Final = "proxied"
NOT_ROUTED: Final = "none"
OUTBOX_SECONDS: Final = 15.0
"""Between two looks at what waits for the log."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Measured:
    """ASGI middleware: counts answers, and how long they took to begin."""

    def __init__(self, app: App, metrics: HttpMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as an ASGI application does."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = "gone"

        async def told(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = f"{message['status'] // 100}xx"
                self._metrics.seconds.labels(*_place(scope)).observe(time.perf_counter() - begun)
            await send(message)

        try:
            await self._app(scope, receive, told)
        except Exception:
            if status == "gone":  # whoever stands outside of this answers it
                status = "5xx"
            raise
        finally:
            self._metrics.requests.labels(*_place(scope), status).inc()


def _place(scope: Scope) -> tuple[str, str]:
    """Route and method, of which there are few, whatever clients send."""
    path = PROXIED if scope.get(PASSED_ON) else getattr(scope.get("route"), "path", NOT_ROUTED)
    return path, scope["method"] if scope["method"] in _METHODS else "other"


async def watch_outbox(store: Store, metrics: HttpMetrics) -> None:
    """Show what waits for the log, until cancelled. While the database is away the last look stands."""
    while True:
        try:
            outbox = await store.read_outbox()
        except StoreError:
            pass
        else:
            metrics.outbox_runs.set(outbox.runs)
            metrics.outbox_seconds.set(outbox.seconds)
        await asyncio.sleep(OUTBOX_SECONDS)
