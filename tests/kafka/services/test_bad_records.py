"""Every kind of bad record on every topic, through the services themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import orjson
from structlog.testing import capture_logs

from shared.domain.events import Event, ImportReceived
from shared.host.host import Host
from shared.log.kafka.cloudevents import encode
from shared.pipelines import CHUNKS_READY, FACTS_EXTRACTED, IMPORT_RECEIVED, MEMORY_READY
from shared.store.store import Store
from tests.support.chunks import chunk_of, said
from tests.support.records import memory_of, result_of
from tests.support.replica import event, read_all
from tests.support.services import PARTITIONS, Setting, caught_up, ended, facts_of, hosted, ignored
from tests.support.waiting import until

Headers = list[tuple[str, bytes]]
EVENTS: dict[str, Event] = {
    IMPORT_RECEIVED: event(),
    CHUNKS_READY: chunk_of(said("m1", "I live in Porto.")),
    FACTS_EXTRACTED: result_of(0),
    MEMORY_READY: memory_of(),
}
READERS = {
    IMPORT_RECEIVED: "chunker",
    CHUNKS_READY: "extractor",
    FACTS_EXTRACTED: "consolidator",
    MEMORY_READY: "writer",
}
USER = UUID(int=0xA)
"""The router's topic, which all pipelines share."""


def bad_records(of: Event) -> dict[str, tuple[bytes | None, Headers]]:
    """Records that look like this event and are none, by the reason for which they are set aside."""
    value, headers = encode(of, source="test", pipeline="v2")
    named = dict(headers)

    def but(**changed: bytes) -> Headers:
        return list({**named, **changed}.items())

    kind = named["ce_type"].decode().removesuffix(".v1")
    other = "soulprint.chunk-ready.v1" if kind != "soulprint.chunk-ready" else "soulprint.memory-ready.v1"
    return {
        "bad_json": (b'{"import_id": ', headers),
        "wrong_schema": (b'{"import_id": "a stranger\'s words"}', headers),
        "unknown_type": (value, but(ce_type=other.encode())),
        "newer_version": (value, but(ce_type=f"{kind}.v2".encode())),
        "missing_header": (value, []),
        "bad_header": (value, but(ce_source=b"\xff")),
        "contradiction": (value, but(ce_run=b"7")),
        "no_value": (None, headers),
    }


async def letters_of(setting: Setting, topic: str, key: bytes) -> list[str]:
    letters = await read_all(setting.bootstrap, f"{topic}.dlq")
    return sorted(dict(each.headers)["dlq_reason"].decode() for each in letters if each.key == key)


async def test_every_service_sets_every_kind_of_bad_record_aside_and_goes_on(
    setting: Setting, store: Store, exports: Path
) -> None:
    ours = b"ours"
    kinds: Sequence[str] = ()
    topics = {setting.topic(name): bad for name, bad in EVENTS.items()} | {
        setting.entrance: EVENTS[IMPORT_RECEIVED]
    }
    for to, of in topics.items():
        records = bad_records(of)
        kinds = sorted(records)
        await setting.send_all(to, [(ours, *record) for record in records.values()])
    with capture_logs() as lines:
        async with hosted(setting):
            for to in topics:
                await until(lambda to=to: _all_aside(setting, to, ours, kinds))
            run = await ended(store, await setting.import_of(exports / "small.zip", UUID(int=3)))
            assert (run.state, run.coverage) == ("complete", 1.0), run
            for name, service in READERS.items():
                await caught_up(setting, name, service)
    assert [each.import_id for each in await store.list_runs()] == [run.import_id]
    said_of = [line for line in lines if line["event"] == "record set aside"]
    assert {line["step"] for line in said_of} == {"router", *READERS.values()}
    for line in lines:
        if line["log_level"] == "error":
            assert {"user_id", "step", "error"} <= line.keys(), line
        assert "stranger" not in str(line)


async def _all_aside(setting: Setting, topic: str, key: bytes, kinds: Sequence[str]) -> bool:
    return await letters_of(setting, topic, key) == kinds


async def test_events_of_cancelled_and_superseded_runs_are_counted_by_every_service_and_change_nothing(
    setting: Setting, store: Store, exports: Path
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
    for late in (cancelled, older):
        whose = {"import_id": late.import_id, "user_id": USER, "run": 1}
        for name, about in (EVENTS | {IMPORT_RECEIVED: late}).items():
            await setting.publish(setting.topic(name), about.model_copy(update=whose))
    async with hosted(setting) as host:
        for name, service in READERS.items():
            await caught_up(setting, name, service)
        found = {service: _reasons_of(host, service) for service in READERS.values()}
    assert found == {
        "chunker": {"cancelled": 1.0, "older": 1.0},
        "extractor": {"cancelled": 2.0},
        "consolidator": {"cancelled": 2.0},
        "writer": {"cancelled": 2.0},
    }
    assert await store.list_runs() == before
    for name in READERS:
        assert await letters_of(setting, setting.topic(name), b"k") == []


def _reasons_of(host: Host, service: str) -> dict[str, float]:
    return {
        reason: count
        for reason in ("cancelled", "older", "finished", "repeated")
        if (count := ignored(host, service, reason))
    }


async def test_events_out_of_order_give_the_same_import(
    setting: Setting, store: Store, exports: Path
) -> None:
    """Chunks and results are delivered backwards, the last chunk, which says how many there are, first."""
    async with hosted(setting):
        straight = await setting.import_of(exports / "small.zip", uuid4())
        assert (await ended(store, straight)).state == "complete"
    async with hosted(setting, ("chunker",)):
        event = await setting.import_of(exports / "small.zip", uuid4())
        await until(lambda: _chunked(store, event.import_id))
    chunks = await _turned_round(setting, CHUNKS_READY, "extractor", event.import_id)
    async with hosted(setting, ("extractor",)):
        await until(lambda: setting.published(FACTS_EXTRACTED, 2 * chunks))
        await caught_up(setting, CHUNKS_READY, "extractor")
    assert await _turned_round(setting, FACTS_EXTRACTED, "consolidator", event.import_id) == chunks
    async with hosted(setting, ("consolidator", "writer")) as host:
        run = await ended(store, event)
        assert (run.state, run.coverage) == ("complete", 1.0), run
        await caught_up(setting, FACTS_EXTRACTED, "consolidator")
        assert ignored(host, "consolidator", "repeated") == 0
    assert await facts_of(store, event.user_id) == await facts_of(store, straight.user_id)


async def _chunked(store: Store, import_id: UUID) -> bool:
    return any(run.chunks_total is not None for run in await store.list_runs(import_id))


async def _turned_round(setting: Setting, name: str, service: str, import_id: UUID) -> int:
    """Take a topic's records of this import away from its reader and put them there again, last ones first,
    on one partition; how many."""
    records = await read_all(setting.bootstrap, setting.topic(name), PARTITIONS)
    ours = [each for each in records if dict(each.headers)["ce_importid"] == str(import_id).encode()]
    ours.sort(key=lambda record: _index(record.value), reverse=True)
    await setting.lose(name, service)
    await setting.send_all(setting.topic(name), [(b"k", each.value, each.headers) for each in ours])
    return len(ours)


def _index(value: bytes) -> int:
    return int(orjson.loads(value)["index"])
