"""Replays driven by the consolidator, from the first import to the last, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.extractor.app import extractor
from shared.domain.events import ChunkReady, ImportReceived
from shared.host.host import Host
from shared.host.service import Kit, Service
from shared.models.base import Extraction
from shared.models.rules.model import OfflineModel
from shared.pipelines import CHUNKS_READY, FACTS_EXTRACTED, IMPORT_RECEIVED
from shared.store.replaying import DRIVER, ReplayProgress
from shared.store.store import Store
from tests.pipeline.test_refusing_database import read_only
from tests.support.local import LocalSetting
from tests.support.replays import Item, planned
from tests.support.services import ended, facts_of, hosted
from tests.support.waiting import until


@pytest.fixture
def hasty(setting: LocalSetting) -> LocalSetting:
    """Looks for replays, and for runs that do not move, ten times a second."""
    setting.changes |= {"sweep_seconds": 0.1}
    return setting


async def imported(setting: LocalSetting, store: Store, source: Path, count: int) -> list[ImportReceived]:
    events = [await setting.import_of(source) for _ in range(count)]
    for event in events:
        assert (await ended(store, event)).state == "complete"
    return events


def items_of(events: Sequence[ImportReceived]) -> list[Item]:
    return [Item(event.import_id, event.user_id) for event in events]


async def followed(store: Store, replay_id: UUID, state: str = "done", seconds: float = 60) -> ReplayProgress:
    """How a replay fares once it is in this state."""
    found: list[ReplayProgress] = []

    async def is_there() -> bool:
        progress = await store.read_replay_progress(replay_id)
        assert progress is not None
        found[:] = [progress]
        return progress.state == state

    is_there.__doc__ = f"the replay is {state}"
    await until(is_there, seconds)
    return found[0]


async def runs(sql: asyncpg.Connection) -> dict[UUID, list[str]]:
    """The states of each import's runs, in order."""
    rows = await sql.fetch(
        "SELECT import_id, array_agg(state ORDER BY run) AS states FROM imports GROUP BY import_id"
    )
    return {row["import_id"]: row["states"] for row in rows}


def shown(host: Host, name: str, **labels: str) -> float | None:
    return host.registry.get_sample_value(name, labels)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["memory", "chunks"])
async def test_imports_are_done_again(
    hasty: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path, stage: str
) -> None:
    async with hosted(hasty) as host:
        events = await imported(hasty, store, exports / "small.zip", 10)
        facts = await facts_of(store, events[0].user_id)
        chunks = len(hasty.events(CHUNKS_READY))
        replay_id = await planned(sql, *items_of(events), stage=stage, max_cost=0)
        progress = await followed(store, replay_id)
        assert (progress.items, progress.calls_made, progress.driven) == ({"done": 10}, 0, True)
        await until(lambda: shown(host, "soulprint_replay_items", state="done") == 10, 15)
    assert await runs(sql) == {event.import_id: ["complete", "complete"] for event in events}
    assert await facts_of(store, events[0].user_id) == facts
    assert len(hasty.events(CHUNKS_READY)) == (chunks if stage == "memory" else 2 * chunks)
    assert all(event.cached for event in hasty.events(FACTS_EXTRACTED)[chunks:]), "no model is asked again"
    assert {row[0] for row in await sql.fetch("SELECT run FROM served_memories")} == {2}
    assert await store.take_lease(DRIVER, "another", 1), "the lead was given back"


async def test_a_source_that_is_gone_fails_its_import_and_holds_no_other_up(
    hasty: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path, tmp_path: Path
) -> None:
    gone = exports / f"gone-{uuid4()}.zip"
    gone.write_bytes((exports / "small.zip").read_bytes())
    async with hosted(hasty):
        (lost,) = await imported(hasty, store, gone, 1)
        events = [lost, *await imported(hasty, store, exports / "small.zip", 2)]
        gone.unlink()
        progress = await followed(store, await planned(sql, *items_of(events), stage="chunks"))
    assert progress.items == {"failed": 1, "done": 2}
    assert progress.failed_at == {"chunking": 1}
    (failed,) = progress.shown
    assert failed.import_id == lost.import_id
    assert "gone-" in (failed.why or "")
    served = await store.read_profile(lost.user_id)
    assert served is not None
    assert (served.run, served.full_pass_status) == (1, "complete"), "what was served stays"


@pytest.mark.slow
async def test_a_full_disk_in_mid_run_loses_nothing(
    hasty: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    """As Supabase has it: the database takes no writes."""
    async with hosted(hasty):
        events = await imported(hasty, store, exports / "small.zip", 12)
        replay_id = await planned(sql, *items_of(events), stage="chunks")
        await until(lambda: _begun(sql))
        async with read_only(sql):
            await until(lambda: _undriven(store, replay_id))
        progress = await followed(store, replay_id)
    assert progress.items == {"done": 12}
    assert await runs(sql) == {event.import_id: ["complete", "complete"] for event in events}


async def _begun(sql: asyncpg.Connection) -> bool:
    return bool(await sql.fetchval("SELECT count(*) FROM replay_items WHERE state = 'begun'"))


async def _undriven(store: Store, replay_id: UUID) -> bool:
    progress = await store.read_replay_progress(replay_id)
    return progress is not None and not progress.driven


async def test_whoever_drives_next_goes_on(
    hasty: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    """The log in memory goes with its process: what was begun is driven again by the next one."""
    hasty.changes["stall_seconds"] = 0.5
    async with hosted(hasty):
        events = await imported(hasty, store, exports / "small.zip", 6)
        replay_id = await planned(sql, *items_of(events), stage="chunks", rate=600.0)
        await until(lambda: _begun(sql))
    hasty.lose_log()
    async with hosted(hasty):
        assert (await followed(store, replay_id)).items == {"done": 6}
    assert await runs(sql) == {event.import_id: ["complete", "complete"] for event in events}


class Waiting(OfflineModel):
    """Waits with what is replayed until it may go on."""

    def __init__(self, gate: asyncio.Event) -> None:
        super().__init__()
        self._gate = gate

    async def extract(self, chunk: ChunkReady) -> Extraction:
        if chunk.priority == "replay":
            await self._gate.wait()
        return await super().extract(chunk)


async def test_what_is_stopped_ends_and_what_comes_later_goes_on(
    hasty: LocalSetting, store: Store, sql: asyncpg.Connection, exports: Path
) -> None:
    gate = asyncio.Event()

    @asynccontextmanager
    async def waiting(kit: Kit) -> AsyncIterator[Service]:
        yield extractor(kit, Waiting(gate))

    async with hosted(hasty, extractor=waiting):
        events = await imported(hasty, store, exports / "small.zip", 3)
        await sql.execute("DELETE FROM extraction_cache")
        replay_id = await planned(sql, *items_of(events), stage="chunks")
        await until(lambda: len(hasty.events(CHUNKS_READY)) == 2 * 6 * 3)
        assert all(e.priority == "replay" for e in hasty.events(IMPORT_RECEIVED)[3:])
        await store.stop_replay(replay_id, by="me", reason="wrong")
        progress = await followed(store, replay_id, "stopped")
        assert progress.items == {"cancelled": 3}
        gate.set()
        later = await hasty.import_of(exports / "small.zip")
        assert (await ended(store, later)).state == "complete"
    assert await runs(sql) == {e.import_id: ["complete", "cancelled"] for e in events} | {
        later.import_id: ["complete"]
    }
