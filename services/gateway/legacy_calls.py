"""Who still calls a route that ends, counted by user beside the answer, which waits for none of it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

import structlog
from prometheus_client import Counter as CounterOfMetrics

from services.gateway.legacy_models import written_uuid
from shared.domain.errors import StoreError
from shared.host.service import parting

MOST_WAITING: Final = 10_000
"""Users whose calls wait for the database. Of more, while it is away, calls are not counted by user."""
AGAIN_SECONDS: Final = 2.0
"""Between two tries while the database does not answer."""

Note = Callable[[str, UUID, int], Awaitable[None]]
log = structlog.get_logger(__name__)


class LegacyCalls:
    """Counts calls. Where the database breaks off, some may be counted twice, which is the safe side: a route
    ends when there are none. `opened_calls` makes it."""

    def __init__(self, note: Note, metric: CounterOfMetrics, *, most: int = MOST_WAITING) -> None:
        self._note, self._metric, self._most = note, metric, most
        self._waiting: Counter[tuple[str, UUID]] = Counter()
        self._came = asyncio.Event()
        self._full = False

    def count(self, route: str, user_id: UUID) -> None:
        """A user, or somebody UNNAMED, has called this route. Returns at once and never raises."""
        self._metric.labels(route).inc()
        if (route, user_id) in self._waiting or len(self._waiting) < self._most:
            self._waiting[route, user_id] += 1
            self._came.set()
        elif not self._full:
            self._full = True
            log.warning("calls are no longer counted by user: the database does not answer", route=route)

    async def run(self) -> None:
        """Write what is counted, until cancelled."""
        while True:
            await self._came.wait()
            self._came.clear()
            try:
                await self.write()
            except StoreError:
                self._came.set()
                await asyncio.sleep(AGAIN_SECONDS)

    async def write(self) -> None:
        """Write all that is counted so far; what could not be written stays. Raises StoreError."""
        while self._waiting:
            key, calls = next(iter(self._waiting.items()))
            await self._note(*key, calls)
            self._waiting[key] -= calls
            if not self._waiting[key]:
                del self._waiting[key]
        self._full = False


@asynccontextmanager
async def opened_calls(note: Note, metric: CounterOfMetrics) -> AsyncIterator[LegacyCalls]:
    """For the block; what is left in its end is written then, if the database answers."""
    calls = LegacyCalls(note, metric)
    try:
        yield calls
    finally:
        async with parting():
            await calls.write()


def user_named(body: bytes) -> UUID | None:
    """The user whom a request names, whatever else is wrong with it; None: it names none that can be."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return written_uuid(value.get("user_id")) if isinstance(value, dict) else None
