"""Events whose run has ended meanwhile, and events out of order."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from shared.domain.events import Event, ImportReceived
from shared.host.host import Host
from shared.pipelines import CHUNKS_READY, FACTS_EXTRACTED, IMPORT_RECEIVED, MEMORY_READY
from shared.store.store import Store
from tests.support.chunks import chunk_of, said
from tests.support.local import LocalSetting
from tests.support.records import memory_of, result_of
from tests.support.services import ended, facts_of, hosted, ignored

EVENTS: dict[str, Event] = {
    CHUNKS_READY: chunk_of(said("m1", "I live in Porto.")),
    FACTS_EXTRACTED: result_of(0),
    MEMORY_READY: memory_of(),
}
READERS = ("chunker", "extractor", "consolidator", "writer")
USER = UUID(int=0xA)


async def test_events_of_cancelled_and_superseded_runs_are_counted_by_every_service_and_change_nothing(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    source, requested = str(exports / "small.zip"), datetime.now(UTC)
    cancelled, older, newer = (
        ImportReceived(import_id=UUID(int=n), user_id=USER, run=run, source=source, requested_at=requested)
        for n, run in ((21, 1), (22, 1), (22, 2))
    )
    for each in (cancelled, older, newer):
        await store.take_run(each, setting.pipeline, "a")
    assert await store.cancel_run(cancelled.import_id, 1)
    before = await store.list_runs()
    async with hosted(setting) as host:
        for late in (cancelled, older):
            whose = {"import_id": late.import_id, "user_id": USER, "run": 1}
            for name, about in (EVENTS | {IMPORT_RECEIVED: late}).items():
                await setting.publish(setting.topic(name), about.model_copy(update=whose))
        await setting.caught_up(host, *READERS)
        found = {service: _reasons_of(host, service) for service in READERS}
    assert found == {
        "chunker": {"cancelled": 1.0, "older": 1.0},
        "extractor": {"cancelled": 2.0},
        "consolidator": {"cancelled": 2.0},
        "writer": {"cancelled": 2.0},
    }
    assert await store.list_runs() == before
    assert [setting.reasons(name) for name in (IMPORT_RECEIVED, *EVENTS)] == [[]] * 4


def _reasons_of(host: Host, service: str) -> dict[str, float]:
    return {
        reason: count
        for reason in ("cancelled", "older", "finished", "repeated")
        if (count := ignored(host, service, reason))
    }


async def test_events_out_of_order_give_the_same_import(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    """Chunks and results are delivered backwards, the last chunk, which says how many there are, first."""
    async with hosted(setting):
        straight = await setting.import_of(exports / "small.zip", uuid4())
        assert (await ended(store, straight)).state == "complete"
    setting.lose_log()
    async with hosted(setting, ("chunker",)) as host:
        event = await setting.import_of(exports / "small.zip", uuid4())
        await setting.caught_up(host, "chunker")
    chunks = _backwards(setting, CHUNKS_READY)
    assert chunks[0].total == len(chunks) > 2
    setting.lose_log()
    async with hosted(setting, ("extractor",)) as host:
        await setting.publish(setting.topic(CHUNKS_READY), *chunks)
        await setting.caught_up(host, "extractor")
    results = _backwards(setting, FACTS_EXTRACTED)
    assert len(results) == len(chunks)
    setting.lose_log()
    async with hosted(setting, ("consolidator", "writer")) as host:
        await setting.publish(setting.topic(FACTS_EXTRACTED), *results)
        run = await ended(store, event)
        assert (run.state, run.coverage) == ("complete", 1.0), run
        await setting.caught_up(host, "consolidator")
        assert ignored(host, "consolidator", "repeated") == 0
    assert await facts_of(store, event.user_id) == await facts_of(store, straight.user_id)


def _backwards(setting: LocalSetting, name: str) -> list[Any]:
    return sorted(setting.events(name), key=lambda event: event.index, reverse=True)
