"""Imports whose reading stands still, fills its memory, or kills who reads: they fail with the reason, and
others go on beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from services.chunker import app as chunker
from services.chunker import stage
from shared.domain.events import ImportReceived
from shared.exports import readers
from shared.host.begins import BEGINS, SUSPECT
from shared.host.service import Kit
from shared.host.sources import fetched
from shared.store.store import Store
from tests.support import odd_reading
from tests.support.exports import chain, json_of
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted


@pytest.mark.slow
async def test_an_export_that_its_reader_does_not_survive_fails_alone(
    setting: LocalSetting, store: Store, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunker, "TASK", odd_reading.__name__)
    monkeypatch.setattr(readers, "PAUSES", (0.0, 0.0))
    setting.changes |= {"reading_patience": 1.0, "reading_memory_bytes": 128 * 1024**2}
    told = {
        odd_reading.STANDS: "its reading stands still at byte",
        odd_reading.FILLS: "its reading needs more than 134217728 bytes of memory",
        odd_reading.DIES: "so did the 2 before it",
    }
    events = {}
    for number, what in enumerate(told):
        file = setting.root / f"{number}.json"
        file.write_bytes(json_of([chain("I live in Porto.", "Good.", title=what)]))
        events[what] = setting.event_of(file, uuid4())
    neighbour = setting.event_of(exports / "small.zip", uuid4())
    async with hosted(setting):
        await setting.publish("import.received", *events.values(), neighbour)
        runs = await asyncio.gather(*(ended(store, event) for event in events.values()))
        beside = await ended(store, neighbour)
    assert beside.state == "complete"
    for run, words in zip(runs, told.values(), strict=True):
        assert run.state == "failed"
        assert run.error is not None
        assert words in run.error["message"], run.error


async def test_an_import_that_killed_who_began_it_is_given_up(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    event = setting.event_of(exports / "small.zip", uuid4())
    for _ in range(BEGINS):  # by processes that did not live to leave it
        await store.take_run(event, "v2", "", profile_format="markdown")
    async with hosted(setting):
        await setting.publish("import.received", event)
        run = await ended(store, event)
    assert run.state == "failed"
    assert run.error is not None
    assert f"begun {BEGINS} times" in run.error["message"]


async def test_imports_that_were_in_work_where_one_killed_are_begun_one_at_a_time(
    setting: LocalSetting, store: Store, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else all of them were counted each time, and given up together with the one that did it."""
    suspects = [setting.event_of(exports / "small.zip", uuid4()) for _ in range(3)]
    for event in suspects:
        for _ in range(SUSPECT):
            await store.take_run(event, "v2", "", profile_format="markdown")
    at_once: list[int] = [0]

    @asynccontextmanager
    async def counted(kit: Kit, event: ImportReceived) -> AsyncIterator[list[Path]]:
        async with fetched(kit, event) as paths:
            at_once.append(at_once[-1] + 1)
            yield paths
            at_once.append(at_once[-1] - 1)

    monkeypatch.setattr(stage, "fetched", counted)
    async with hosted(setting):
        await setting.publish("import.received", *suspects)
        runs = await asyncio.gather(*(ended(store, event) for event in suspects))
    assert [run.state for run in runs] == ["complete"] * 3
    assert at_once == [0, 1, 0, 1, 0, 1, 0]


async def test_one_that_was_left_in_good_order_is_not(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    event = setting.event_of(exports / "small.zip", uuid4())
    async with hosted(setting):
        await setting.publish("import.received", event)
        assert (await ended(store, event)).state == "complete"
    connection = await asyncpg.connect(setting.database)
    try:
        assert await connection.fetchval("SELECT max(cardinality(begun_by)) FROM imports") == 0
    finally:
        await connection.close()
