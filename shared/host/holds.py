"""What holds the services of a process up, told to the database, where `soulprint status` finds it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from shared.domain.errors import StoreError
from shared.host.service import parting
from shared.log.health import PoolState
from shared.store.store import Store

LOOK_SECONDS = 1.0
AGAIN_SECONDS = 15.0
"""How often what still holds is told again."""
FRESH_SECONDS = 60.0
"""How long it is believed: a process that was killed takes nothing back."""


@asynccontextmanager
async def telling_holds(
    store: Store, owner: str, states: Callable[[], Iterable[PoolState]]
) -> AsyncIterator[None]:
    """While the block runs, tell what changes; then take it all back. A database that is down hears later."""
    task = asyncio.create_task(_tell(store, owner, states))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _tell(store: Store, owner: str, states: Callable[[], Iterable[PoolState]]) -> None:
    told: list[Mapping[str, Any]] = []
    told_at = 0.0
    try:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            holds = [hold for state in states() for hold in _of(state)]
            if holds == told and (not holds or time.monotonic() - told_at < AGAIN_SECONDS):
                continue
            try:
                await store.note_holds(owner, holds)
            except StoreError:
                continue
            told, told_at = holds, time.monotonic()
    finally:
        if told:
            async with parting():  # what is not taken back is soon believed no more
                await store.note_holds(owner, [])


def _of(state: PoolState) -> Iterable[Mapping[str, Any]]:
    for name, hold in state.holds.items():
        since = datetime.fromtimestamp(hold.since, UTC)
        yield {"service": state.stage, "hold": name, "reason": hold.reason, "since": since}
