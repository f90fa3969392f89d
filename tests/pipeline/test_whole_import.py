"""Imports from end to end: again, and side by side."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from services.extractor.app import extractor
from shared.domain.events import ChunkReady
from shared.host.service import Kit, Service
from shared.models.base import Extraction
from shared.models.rules.model import OfflineModel
from shared.pipelines import CHUNKS_READY
from shared.requests import publish_request, request_of, request_run
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
            event, _ = await request_run(asked, store, setting.pipeline)
            assert event.run == number
            await publish_request(event, setting.log)
            run = await ended(store, event)
            assert run.state == "complete", run
    report: Any = await store.read_run(event.import_id, 2)
    assert report.chunks_cached == report.chunks_total > 0


class Slow(OfflineModel):
    """Takes its time, as a model does."""

    async def extract(self, chunk: ChunkReady) -> Extraction:
        await asyncio.sleep(0.05)
        return await super().extract(chunk)


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
