"""Every kind of bad record on every topic, through the services themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from structlog.testing import capture_logs

from shared.domain.events import Event
from shared.log.kafka.cloudevents import encode
from shared.pipelines import CHUNKS_READY, FACTS_EXTRACTED, IMPORT_RECEIVED, MEMORY_READY
from shared.store.store import Store
from tests.support.chunks import chunk_of, said
from tests.support.records import memory_of, result_of
from tests.support.replica import committed, event, read_all
from tests.support.services import PARTITIONS, Setting, caught_up, ended, hosted
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


def bad_records(of: Event) -> dict[str, tuple[bytes | None, Headers]]:
    """Records that look like this event and are none, by the reason for which they are set aside."""
    value, headers = encode(of, source="test", pipeline="v2")
    named = dict(headers)

    def but(**changed: bytes) -> Headers:
        return list({**named, **changed}.items())

    kind, version = named["ce_type"].decode().rsplit(".v", 1)
    other = "soulprint.chunk-ready.v1" if kind != "soulprint.chunk-ready" else "soulprint.memory-ready.v1"
    return {
        "bad_json": (b'{"import_id": ', headers),
        "wrong_schema": (b'{"import_id": "a stranger\'s words"}', headers),
        "unknown_type": (value, but(ce_type=other.encode())),
        "newer_version": (value, but(ce_type=f"{kind}.v{int(version) + 1}".encode())),
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


async def test_a_topic_read_anew_buries_only_what_is_not_buried_yet(setting: Setting) -> None:
    to, letters = setting.entrance, f"{setting.entrance}.dlq"

    async def bad(*values: bytes) -> None:
        await setting.send_all(to, [(b"k", value, []) for value in values])

    async def handled(count: int) -> bool:
        at = await committed(setting.bootstrap, setting.group("router"), to, PARTITIONS)
        return sum(at) == count

    await bad(b"1", b"2")
    async with hosted(setting, ("router",)):
        await bad(b"3")
        await until(lambda: handled(3))
    first = await read_all(setting.bootstrap, letters)
    await setting.read_anew(to, "router")
    async with hosted(setting, ("router",)):
        await bad(b"4")
        await until(lambda: handled(4))
    found = await read_all(setting.bootstrap, letters)
    assert [each.value for each in found] == [b"1", b"2", b"3", b"4"]
    assert found[:3] == first
    assert len({dict(each.headers)["dlq_id"] for each in found}) == 4
