"""What a plan says besides the database: how many extractors there are, and which sources are not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from shared.domain.errors import SoulprintError
from shared.domain.sources import local_paths
from shared.pipelines import SERVICES
from shared.settings import Settings
from shared.store.replays import ReplayItem
from shared.store.store import Store

MOMENT = 2.0
"""Seconds in which Kafka answers, or is not waited for."""
PAGE, MOST_LOOKED_AT = 1000, 10_000


@dataclass(frozen=True, slots=True)
class Sources:
    """What is known of the sources of a plan that reads exports again."""

    gone: int
    """Local files that are not on this machine."""
    stored: int
    """Objects of storage, which are not looked at."""
    unseen: int
    """Beyond those that were looked at."""


@dataclass(frozen=True, slots=True)
class Around:
    """What a plan says besides the database."""

    extractors: int | None = None
    """None: not known."""
    sources: Sources | None = None
    """None: the exports are not read again."""
    scales: bool = True
    """Whether there are extractors to be counted: without Kafka one process does all."""


async def extractors_now(settings: Settings) -> int | None:
    """How many extractors read chunks of the pipeline; None: there is no Kafka, or it does not answer."""
    if not settings.kafka_bootstrap_servers:
        return None
    try:
        async with asyncio.timeout(MOMENT):
            return await _members(settings)
    except (SoulprintError, TimeoutError):
        return None


async def _members(settings: Settings) -> int:
    from soulprint.topics import admin_of

    group = settings.kafka_prefix + SERVICES["extractor"].group(settings.pipeline)
    async with admin_of(settings) as admin:
        (answer,) = await admin.describe_consumer_groups([group])
        return len(answer.groups[0][5])


async def sources_of(store: Store, replay_id: UUID, imports: int) -> Sources:
    """Looks at the sources of a plan's first imports."""
    gone = stored = looked_at = 0
    async for item in _items(store, replay_id):
        looked_at += 1
        paths = local_paths(item.source or "")
        if paths is None:
            stored += item.source is not None
            gone += item.source is None
        else:
            gone += not await asyncio.to_thread(_are_there, paths)
    return Sources(gone, stored, max(0, imports - looked_at))


def _are_there(paths: Sequence[Path]) -> bool:
    try:
        return all(path.exists() for path in paths)
    except OSError:
        return False


async def _items(store: Store, replay_id: UUID) -> AsyncIterator[ReplayItem]:
    after: int | None = None
    for _ in range(MOST_LOOKED_AT // PAGE):
        page = await store.list_replay_items(replay_id, after=after, limit=PAGE)
        for item in page:
            yield item
        if len(page) < PAGE:
            return
        after = page[-1].position
