"""Chunks that Kafka does not have any more, though they were acknowledged: published again, and no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.pipelines import CHUNKS_READY, IMPORT_RECEIVED
from shared.store.store import Store
from tests.support.services import Setting, caught_up, ended, hosted
from tests.support.waiting import until

LOST_PARTITIONS = 2


@pytest.mark.slow
async def test_chunks_lost_after_publishing_are_published_again_and_no_others(
    setting: Setting, store: Store, exports: Path
) -> None:
    setting.changes["sweep_seconds"] = 0.2
    async with hosted(setting, ("chunker",)):
        event = await setting.import_of(exports / "large.zip")
        await until(lambda: _chunked(store, event))
        await caught_up(setting, IMPORT_RECEIVED, "chunker")
    before = await setting.ends(CHUNKS_READY)
    lost = await setting.lose(CHUNKS_READY, "extractor", partitions=range(LOST_PARTITIONS))
    assert 0 < lost < sum(before)

    async def others_are_in() -> bool:
        """every chunk that is not lost is recorded"""
        return any(run.chunks_ok == sum(before) - lost for run in await store.list_runs(event.import_id))

    setting.changes["stall_seconds"] = 3600.0
    async with hosted(setting):
        await until(others_are_in)
    setting.changes["stall_seconds"] = 1.0
    async with hosted(setting) as host:
        run = await ended(store, event)
        assert (run.state, run.coverage, run.chunks_dead) == ("complete", 1.0, 0), run
        assert run.redrives >= 1
        assert host.registry.get_sample_value("soulprint_redrives_total", {"action": "import"}) >= 1
    after = await setting.ends(CHUNKS_READY)
    assert sum(after[:LOST_PARTITIONS]) >= 2 * lost
    assert after[LOST_PARTITIONS:] == before[LOST_PARTITIONS:], "no chunk but the lost ones"


async def _chunked(store: Store, event: Any) -> bool:
    return any(run.chunks_total is not None for run in await store.list_runs(event.import_id))
