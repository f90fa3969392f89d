"""What a replay does again says so on every topic, whoever offers it; live work never does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from services.chunker.app import IMPORTS, OF_REPLAYS
from services.extractor.app import extractor
from shared.domain.events import ChunkReady
from shared.host.service import Kit, Service
from shared.models.base import Extraction
from shared.models.rules.model import OfflineModel
from shared.pipelines import CHUNKS_READY, FACTS_EXTRACTED, IMPORT_RECEIVED
from shared.store.store import Store
from tests.support.local import LocalSetting
from tests.support.replays import Item, planned, replay_state
from tests.support.services import HOSTED, ended, hosted
from tests.support.waiting import until


async def test_a_run_of_a_replay_is_behind_live_work_from_its_event_to_its_facts(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    setting.changes["sweep_seconds"] = 0.1
    topics = (IMPORT_RECEIVED, CHUNKS_READY, FACTS_EXTRACTED)
    async with hosted(setting, HOSTED):
        event = await setting.import_of(exports / "small.zip")
        assert (await ended(store, event)).state == "complete"
        assert {e.priority for name in topics for e in setting.events(name)} == {"live"}
        before = {name: len(setting.events(name)) for name in topics}
        replay = await planned(sql, Item(event.import_id, event.user_id), stage="chunks")
        await until(lambda: _done(sql, replay))
        again = {name: setting.events(name)[before[name] :] for name in topics}
    assert all(again.values())
    assert {each.priority for events in again.values() for each in events} == {"replay"}


async def _done(sql: asyncpg.Connection, replay: object) -> bool:
    return (await replay_state(sql, replay))[0] == "done"  # type: ignore[arg-type]


async def test_a_run_of_a_replay_that_stands_still_is_driven_again_as_what_it_is(
    setting: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    setting.changes |= {"stall_seconds": 0.3, "sweep_seconds": 0.1}
    async with hosted(setting, HOSTED):
        event = await setting.import_of(exports / "small.zip")
        await ended(store, event)
    setting.lose_log()
    await planned(sql, Item(event.import_id, event.user_id), stage="chunks")
    async with hosted(setting, ("consolidator",)):
        await until(lambda: setting.published(IMPORT_RECEIVED, 2))
        assert {each.priority for each in setting.events(IMPORT_RECEIVED)} == {"replay"}


class Standing(OfflineModel):
    """Reads what somebody waits for."""

    def __init__(self, go: asyncio.Event) -> None:
        super().__init__()
        self.asked = 0
        self._go = go

    async def extract(self, chunk: ChunkReady) -> Extraction:
        self.asked += 1
        if chunk.priority == "replay":
            await self._go.wait()
        return await super().extract(chunk)


@pytest.mark.slow
async def test_replays_that_stand_still_leave_the_chunker_and_the_extractor_to_a_live_import(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    """More of them than the chunker has places, and each with as much of its window as it gets."""
    setting.changes |= {"import_window": 8, "fact_extraction_concurrency": 48}
    go = asyncio.Event()

    @asynccontextmanager
    async def standing(kit: Kit) -> AsyncIterator[Service]:
        yield extractor(kit, Standing(go))

    async with hosted(setting, extractor=standing):
        replays = [
            await setting.import_of(exports / "large.zip", priority="replay") for _ in range(IMPORTS + 8)
        ]
        await until(lambda: setting.published(CHUNKS_READY, 2 * OF_REPLAYS))
        live = await setting.import_of(exports / "small.zip")
        assert (await ended(store, live, 20.0)).state == "complete"
        chunked = {each.import_id for each in setting.events(CHUNKS_READY)} - {live.import_id}
        assert len(chunked) == OF_REPLAYS
        assert len(setting.events(CHUNKS_READY)) == 2 * OF_REPLAYS + len(
            [each for each in setting.events(CHUNKS_READY) if each.import_id == live.import_id]
        )
        for each in replays:
            await store.cancel_run(each.import_id, 1)
        go.set()


class Slow(OfflineModel):
    """Takes its time for each call, and counts them."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.calls = 0
        self._seconds = seconds

    async def extract(self, chunk: ChunkReady) -> Extraction:
        self.calls += 1
        await asyncio.sleep(self._seconds)
        return await super().extract(chunk)


@pytest.mark.slow
async def test_a_chunk_may_wait_for_its_turn_for_longer_than_its_deadline(
    setting: LocalSetting, store: Store, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one of a replay does that has one turn of many, and one of a model that is slow."""
    monkeypatch.setattr("services.extractor.app.DEADLINE", 1.0)
    setting.changes |= {"fact_extraction_concurrency": 1, "chunk_tokens": 600}
    slow = Slow(0.1)

    @asynccontextmanager
    async def one_at_a_time(kit: Kit) -> AsyncIterator[Service]:
        yield extractor(kit, slow)

    async with hosted(setting, extractor=one_at_a_time):
        replay = await setting.import_of(exports / "small.zip", priority="replay")
        live = await setting.import_of(exports / "small.zip")
        for each in (live, replay):
            run = await ended(store, each, 60.0)
            assert (run.state, run.chunks_dead) == ("complete", 0)
    assert slow.calls > 8
    assert setting.reasons(CHUNKS_READY) == []


async def test_a_chunk_that_waited_long_is_not_read_for_a_replay_that_was_stopped_meanwhile(
    setting: LocalSetting, store: Store, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.extractor.stage.STALE_SECONDS", 0.0)
    setting.changes |= {"fact_extraction_concurrency": 1, "chunk_tokens": 200}
    go = asyncio.Event()
    model = Standing(go)

    @asynccontextmanager
    async def standing(kit: Kit) -> AsyncIterator[Service]:
        yield extractor(kit, model)

    async with hosted(setting, extractor=standing) as host:
        replay = await setting.import_of(exports / "small.zip", priority="replay")
        await until(lambda: setting.published(CHUNKS_READY, 4) and model.asked == 1)
        assert await store.cancel_run(replay.import_id, 1)
        go.set()
        await setting.caught_up(host, "extractor")
    assert model.asked == 1
    assert len(setting.events(FACTS_EXTRACTED)) == 1


async def test_whoever_publishes_an_import_can_but_lower_it(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    async with hosted(setting, HOSTED):
        low = setting.event_of(exports / "small.zip", priority="replay")
        high = setting.event_of(exports / "small.zip")
        await setting.publish(setting.entrance, low, high)
        for event in (low, high):
            assert (await ended(store, event)).state == "complete"
        found = {(e.import_id, e.priority) for e in setting.events(CHUNKS_READY)}
    assert found == {(low.import_id, "replay"), (high.import_id, "live")}
