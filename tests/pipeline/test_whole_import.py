"""Imports from end to end: again, and side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from services.extractor.app import extractor
from shared.domain.events import ChunkReady
from shared.host.service import Kit, Service
from shared.models.base import Extraction
from shared.models.rules.model import OfflineModel
from shared.pipelines import CHUNKS_READY
from shared.requests.accept import accept, offer
from shared.requests.request import request_of
from shared.store.store import Store
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted
from tests.support.waiting import until

ANA = UUID(int=0xA)


async def test_the_same_export_requested_again_is_the_next_run_and_comes_from_the_cache(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    asked = request_of(str(exports / "small.zip"), ANA, setting.settings())
    async with hosted(setting):
        for number in (1, 2):
            accepted = await accept(asked, store, setting.settings())
            event = accepted.event
            assert event.run == number
            await offer(accepted, store, setting.log)
            run = await ended(store, event)
            assert run.state == "complete", run
    report: Any = await store.read_run(event.import_id, 2)
    assert report.chunks_cached == report.chunks_total > 0


class Slow(OfflineModel):
    """Takes its time, as a model does."""

    async def extract(self, chunk: ChunkReady) -> Extraction:
        await asyncio.sleep(0.05)
        return await super().extract(chunk)


class Standing(OfflineModel):
    """Reads nothing of one person until it is let go."""

    def __init__(self, go: asyncio.Event, whose: UUID) -> None:
        super().__init__()
        self._go, self._whose = go, whose

    async def extract(self, chunk: ChunkReady) -> Extraction:
        if chunk.user_id == self._whose:
            await self._go.wait()
        return await super().extract(chunk)


@pytest.mark.slow
async def test_many_large_imports_of_one_person_do_not_hold_up_anothers_small_one(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    setting.changes |= {"import_window": 2, "fact_extraction_concurrency": 48}
    go = asyncio.Event()

    @asynccontextmanager
    async def standing(kit: Kit) -> AsyncIterator[Service]:
        yield extractor(kit, Standing(go, ANA))

    async with hosted(setting, extractor=standing):
        large = [await setting.import_of(exports / "large.zip", ANA) for _ in range(20)]
        await until(lambda: setting.published(CHUNKS_READY, 4))
        small = await setting.import_of(exports / "small.zip", UUID(int=0xB))
        assert (await ended(store, small, 20.0)).state == "complete"
        begun = {run.import_id for run in await store.list_runs(limit=100)}
        assert len(begun & {each.import_id for each in large}) < len(large), "all places are one person's"
        for each in large:
            await store.cancel_run(each.import_id, 1)
        go.set()


@asynccontextmanager
async def slow(kit: Kit) -> AsyncIterator[Service]:
    yield extractor(kit, Slow())


async def test_a_small_import_does_not_wait_for_a_large_one(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    setting.changes["import_window"] = 8
    async with hosted(setting, extractor=slow):
        large = await setting.import_of(exports / "large.zip")
        await until(lambda: setting.published(CHUNKS_READY, 8))
        small = await setting.import_of(exports / "small.zip")
        assert (await ended(store, small)).state == "complete"
        (run,) = await store.list_runs(large.import_id)
        assert not run.ended, "the small import waited for the large one"
        assert (await ended(store, large)).state == "complete"
