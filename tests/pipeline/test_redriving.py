"""Whatever was lost on the way is driven again, and only that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from services.extractor.app import extractor
from shared.domain.errors import ModelError
from shared.domain.events import ChunkReady, ImportReceived
from shared.host.service import Kit, Service
from shared.models.base import Extraction
from shared.models.rules.model import OfflineModel
from shared.pipelines import CHUNKS_READY, IMPORT_RECEIVED, MEMORY_READY
from shared.store.store import Store
from tests.support.local import LocalSetting
from tests.support.services import ended, facts_of, hosted, ignored
from tests.support.waiting import until


@pytest.fixture
def impatient(setting: LocalSetting) -> LocalSetting:
    setting.changes |= {"stall_seconds": 0.3, "sweep_seconds": 0.1}
    return setting


async def test_chunks_lost_while_the_window_is_full_are_published_again(
    impatient: LocalSetting, store: Store, exports: Path
) -> None:
    impatient.changes["import_window"] = 8
    async with hosted(impatient, ("chunker",)):
        event = await impatient.import_of(exports / "large.zip")
        await until(lambda: impatient.published(CHUNKS_READY, 8))
        assert impatient.lose(CHUNKS_READY) >= 8
        async with hosted(impatient, ("extractor", "consolidator", "writer")):
            run = await ended(store, event)
    assert (run.state, run.coverage) == ("complete", 1.0)


async def test_a_memory_lost_on_its_way_is_published_again_without_a_model(
    impatient: LocalSetting, store: Store, exports: Path
) -> None:
    async with hosted(impatient, ("chunker", "extractor", "consolidator")):
        event = await impatient.import_of(exports / "small.zip")
        await until(lambda: impatient.published(MEMORY_READY, 1))
        kept = await store.read_kept_memory(event.import_id, 1)
        assert kept is not None
    impatient.lose_log()
    async with hosted(impatient, ("consolidator", "writer")):
        run = await ended(store, event)
        assert run.state == "complete"
        await until(lambda: _forgotten(store, event))
    profile = await store.read_profile(event.user_id)
    assert profile is not None
    assert profile.memory_md == kept.memory_md


async def _forgotten(store: Store, event: Any) -> bool:
    return await store.read_kept_memory(event.import_id, 1) is None


async def test_runs_that_cannot_be_driven_keep_none_of_the_others(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection
) -> None:
    """All that a sweep finds are noted as driven: those that it does not drive wait twice as long."""
    setting.changes |= {"stall_seconds": 3600, "sweep_seconds": 0.1}
    good, bad = [], []
    for number in range(12):
        event = ImportReceived(
            import_id=uuid4(), user_id=uuid4(), run=1, source="a/b", requested_at=datetime.now(UTC)
        )
        await store.take_run(event, setting.pipeline, "")
        (bad if number % 2 else good).append(event.import_id)
    await sql.execute("UPDATE imports SET updated_at = now() - interval '2 hours'")
    await sql.execute(
        "UPDATE imports SET state = 'consolidating', published_at = now() WHERE import_id = ANY($1)", bad
    )
    await sql.execute(
        "INSERT INTO memory_outbox SELECT import_id, run, '{}' FROM imports WHERE import_id = ANY($1)", bad
    )
    async with hosted(setting, ("consolidator",)):
        await until(lambda: {each.import_id for each in setting.events(IMPORT_RECEIVED)} == set(good), 10)


async def test_a_run_whose_last_result_came_before_its_total_is_consolidated(
    impatient: LocalSetting, store: Store, exports: Path
) -> None:
    """As an empty export, whose chunker is the only one to see that it is complete."""
    empty = exports / "empty.json"
    empty.write_text("[]")
    async with hosted(impatient):
        run = await ended(store, await impatient.import_of(empty))
    assert (run.state, run.chunks_total, run.coverage) == ("complete", 0, 1.0)


class Deadly(OfflineModel):
    """Cannot answer for the first chunk."""

    async def extract(self, chunk: ChunkReady) -> Extraction:
        if chunk.index == 0:
            raise ModelError("the model refused this chunk")
        return await super().extract(chunk)


@asynccontextmanager
async def deadly(kit: Kit) -> AsyncIterator[Service]:
    yield extractor(kit, Deadly())


@pytest.mark.parametrize(("min_coverage", "state"), [(0.5, "complete"), (1.0, "failed")])
async def test_a_dead_chunk_ends_its_import_with_its_coverage_told(
    setting: LocalSetting, store: Store, exports: Path, min_coverage: float, state: str
) -> None:
    setting.changes["min_coverage"] = min_coverage
    async with hosted(setting, extractor=deadly):
        event = await setting.import_of(exports / "small.zip")
        run = await ended(store, event)
    assert (run.state, run.chunks_dead) == (state, 1)
    assert run.coverage == pytest.approx(1 - 1 / (run.chunks_total or 0))
    assert (run.error is None) == (state == "complete")


async def test_facts_the_database_refuses_make_their_chunk_dead(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    class Poisonous(OfflineModel):
        async def extract(self, chunk: ChunkReady) -> Extraction:
            found = await super().extract(chunk)
            return Extraction(found.candidates, unread=("\x00",) if chunk.index == 0 else ())

    @asynccontextmanager
    async def poisonous(kit: Kit) -> AsyncIterator[Service]:
        yield extractor(kit, Poisonous())

    setting.changes["min_coverage"] = 0.0
    async with hosted(setting, extractor=poisonous):
        run = await ended(store, await setting.import_of(exports / "small.zip"))
    assert (run.state, run.chunks_dead) == ("complete", 1)


async def test_cancelled_an_import_stops_soon_and_what_is_under_way_is_ignored(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    setting.changes["import_window"] = 8
    async with hosted(setting, ("chunker",)) as chunker:
        event = await setting.import_of(exports / "large.zip")
        await until(lambda: setting.published(CHUNKS_READY, 8))
        assert await store.cancel_run(event.import_id, 1)
        await until(lambda: ignored(chunker, "chunker", "cancelled") == 1)
    under_way = setting.events(CHUNKS_READY)
    assert len(under_way) == 8
    setting.lose_log()
    async with hosted(setting) as host:
        await setting.publish(setting.topic(CHUNKS_READY), *under_way)
        await setting.caught_up(host, "extractor")
        assert ignored(host, "extractor", "cancelled") == 8
    assert (await ended(store, event)).state == "cancelled"
    assert await facts_of(store, event.user_id) == []
