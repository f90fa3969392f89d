"""A process whose log is in memory is killed and begun again: what it left is gone on with at once, whatever
STALL_SECONDS says, and by one process at a time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from shared.domain.errors import BusyError
from shared.host import sole
from shared.host.sole import sole_in, sole_over
from shared.log.local import WAITING
from shared.pipelines import CHUNKS_READY, IMPORT_RECEIVED
from shared.requests.accept import accept, offer
from shared.requests.request import request_of
from shared.store.store import Store
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted
from tests.support.waiting import until

ALL = ("gateway", "quickpass", "chunker", "extractor", "consolidator", "writer")


@pytest.fixture
def box(setting: LocalSetting) -> LocalSetting:
    """One that would not drive anything again within an hour."""
    setting.changes |= {
        "gateway_port": 0,
        "gateway_open": "true",
        "stall_seconds": 3600,
        "sweep_seconds": 3600,
    }
    return setting


@pytest.mark.slow
async def test_what_was_begun_and_what_was_only_offered_goes_on_at_once(
    box: LocalSetting, store: Store, exports: Path
) -> None:
    asked = [request_of(str(exports / f"{size}.zip"), uuid4(), box.settings()) for size in ("large", "small")]
    begun, waiting = [await accept(each, store, box.settings()) for each in asked]
    async with hosted(box, ("chunker",)):
        await offer(begun, store, box.log)
        await until(lambda: box.published(CHUNKS_READY, WAITING))
    await store.note_offered([waiting.key])  # it lay on the log
    box.lose_log()
    async with hosted(box, ALL, sole="box"):
        for each in (begun, waiting):
            run = await ended(store, each.event)
            assert (run.state, run.run, run.coverage) == ("complete", 1, 1.0), run
    assert len(await store.list_runs(limit=10)) == 2


async def test_a_run_that_cannot_be_driven_for_want_of_room_keeps_none_of_the_others(
    box: LocalSetting, store: Store, exports: Path
) -> None:
    """Far more imports than a topic holds are under way, and their pipeline's chunker stands still."""
    settings = box.settings()
    for _ in range(WAITING + 8):
        accepted = await accept(request_of(str(exports / "small.zip"), uuid4(), settings), store, settings)
        await store.take_run(accepted.event, "v2", "")
    box.changes |= {"sweep_seconds": 0.1, "stall_seconds": 0.1}
    async with hosted(box, ("consolidator",), sole="box"):
        await until(lambda: box.published(IMPORT_RECEIVED, WAITING))
        last = await accept(request_of(str(exports / "large.zip"), uuid4(), settings), store, settings)
        await store.take_run(last.event, "v2", "")

        async def seen_to() -> bool:
            """the sweeper goes on"""
            (run,) = await store.list_runs(last.run.import_id)
            return run.redrives > 0

        await until(seen_to)
    assert len(box.events(IMPORT_RECEIVED)) == WAITING


async def test_one_process_at_a_time_works_over_a_database_and_the_next_waits(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sole, "EVERY_SECONDS", 0.05)
    waits: list[str] = []
    async with sole_over(store, "first", waits.append):
        second = asyncio.create_task(_hold(store, waits))
        await until(lambda: bool(waits))
        assert "waiting for its end" in waits[0]
    await second
    assert await store.take_lease(sole.LEASE, "third", 1.0), "given back"


async def _hold(store: Store, waits: list[str]) -> None:
    async with sole_over(store, "second", waits.append):
        pass


async def test_whose_place_was_taken_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sole, "EVERY_SECONDS", 0.05)
    async with sole_over(store, "first", print) as lost:
        await store.release_lease(sole.LEASE, "first")
        assert await store.take_lease(sole.LEASE, "another", 60.0)
        await asyncio.wait([lost], timeout=10)
        with pytest.raises(BusyError, match="took over"):
            lost.result()


def test_a_second_process_of_one_home_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with sole_in(home) as name, pytest.raises(BusyError, match="runs already"), sole_in(home):
        pass
    with sole_in(home) as again:
        assert again == name
    with sole_in(tmp_path / "another") as another:
        assert another != name
