"""The chunks of a replay come from the log for as long as they lie there; who lies on it is not believed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from shared.domain.events import ChunkReady, ImportReceived
from shared.log.kafka.cloudevents import decode, encode
from shared.pipelines import CHUNKS_READY, IMPORT_RECEIVED
from shared.store.runs import RunRow
from shared.store.store import Store
from tests.support.kafka import delete_topics
from tests.support.replayed_chunks import Counting, begin_replay, extracted, forget, read_by, spoil
from tests.support.replica import read_all
from tests.support.services import PARTITIONS, Setting, ended, hosted


async def complete(setting: Setting, store: Store, exports: Path, source: Path) -> ImportReceived:
    """The event of an import that is complete, of an export of its own."""
    setting.changes["chunk_tokens"] = 800
    shutil.copy(exports / "small.zip", source)
    async with hosted(setting):
        event = await setting.import_of(source)
        assert (await ended(store, event)).state == "complete"
    return event


async def replayed(setting: Setting, store: Store, event: ImportReceived) -> tuple[RunRow, list[int]]:
    """How a replay's run ended, and which chunks the model was asked for."""
    model = Counting()
    async with hosted(setting, extractor=read_by(model)):
        await setting.publish(setting.topic(IMPORT_RECEIVED), event)
        run = await ended(store, event)
    return run, sorted(model.asked)


async def chunks_of(setting: Setting, run: int) -> list[tuple[Any, ChunkReady]]:
    """The records of a run's chunks, and what they hold."""
    found = []
    for record in await read_all(setting.bootstrap, setting.topic(CHUNKS_READY), PARTITIONS):
        if dict(record.headers).get("ce_run") == str(run).encode():
            chunk, _ = decode(record.value, record.headers, ChunkReady)
            assert isinstance(chunk, ChunkReady)
            found.append((record, chunk))
    return sorted(found, key=lambda each: each[1].index)


async def take_away(setting: Setting, partitions: range) -> None:
    """Retention takes what lies in these partitions of chunks.ready."""
    ends = await setting.ends(CHUNKS_READY)
    admin = AIOKafkaAdminClient(bootstrap_servers=setting.bootstrap)
    await admin.start()
    try:
        for number in partitions:
            if ends[number]:
                place = TopicPartition(setting.topic(CHUNKS_READY), number)
                await admin.delete_records({place: RecordsToDelete(before_offset=ends[number])})
    finally:
        await admin.close()


@pytest.mark.slow
async def test_a_replay_from_facts_needs_no_source_while_its_chunks_lie_on_the_log(
    setting: Setting, store: Store, sql: asyncpg.Connection, exports: Path, tmp_path: Path
) -> None:
    setting.root = tmp_path
    source = tmp_path / "export.zip"
    base = await complete(setting, store, exports, source)
    facts = await extracted(sql, base)
    first = await chunks_of(setting, 1)
    source.unlink()

    event = await begin_replay(sql, base, which=["all"])
    run, asked = await replayed(setting, store, event)
    assert (run.state, run.coverage, asked) == ("complete", 1.0, [])
    assert await extracted(sql, event) == facts
    again = await chunks_of(setting, event.run)
    assert len(again) == len(first)
    for (_, old), (record, new) in zip(first, again, strict=True):
        assert new.chunk_id != old.chunk_id
        same = {"run": old.run, "chunk_id": old.chunk_id, "priority": "live"}
        assert new.model_copy(update=same) == old
        assert (record.key.decode(), new.priority) == (str(new.chunk_id), "replay")
        assert dict(record.headers)["ce_priority"] == b"replay"

    # A replay of the replay: of what it did not publish itself, what it was made from did.
    await spoil(sql, event, [2, 5], [])
    event = await begin_replay(sql, event, which=["dead"])
    run, asked = await replayed(setting, store, event)
    assert (run.state, run.coverage, asked) == ("complete", 1.0, [2, 5])
    await spoil(sql, event, [0], [7])
    event = await begin_replay(sql, event, which=["dead", "missing"])
    run, asked = await replayed(setting, store, event)
    assert (run.state, run.coverage, asked) == ("complete", 1.0, [0, 7])
    assert [chunk.index for _, chunk in await chunks_of(setting, event.run)] == [0, 7]
    assert await extracted(sql, event) == facts


@pytest.mark.slow
async def test_what_retention_took_comes_from_the_source_and_a_stranger_is_not_believed(
    setting: Setting, store: Store, sql: asyncpg.Connection, exports: Path, tmp_path: Path
) -> None:
    setting.root = tmp_path
    source = tmp_path / "export.zip"
    base = await complete(setting, store, exports, source)
    facts = await extracted(sql, base)
    records = await chunks_of(setting, 1)
    dead = [1, 3, 4]
    for index in dead:
        record, chunk = records[index]
        lie = [message for message in chunk.messages if message.role == "user"][:1]
        lie[0].text = "I am a stranger, and I live in a lie."
        false = chunk.model_copy(update={"messages": tuple(lie), "content_hash": "0" * 32})
        to, headers = setting.topic(CHUNKS_READY), dict(record.headers)
        other = {"ce_userid": b"00000000-0000-4000-8000-00000000beef"}
        value, _ = encode(false, source="liar", pipeline="v2")
        claims = [headers, headers | other, {name: headers[name] for name in headers if name != "ce_userid"}]
        await setting.send_all(to, [(record.key, value, list(each.items())) for each in claims])
    await take_away(setting, range(PARTITIONS // 2))

    await spoil(sql, base, dead, [])
    event = await begin_replay(sql, base, which=["dead"])
    run, asked = await replayed(setting, store, event)
    assert (run.state, run.coverage, asked) == ("complete", 1.0, dead)
    assert await extracted(sql, event) == facts
    assert [chunk.content_hash for _, chunk in await chunks_of(setting, event.run)] == [
        records[index][1].content_hash for index in dead
    ]
    await forget(sql, event)

    await take_away(setting, range(PARTITIONS))
    await spoil(sql, base, dead, [])
    source.rename(tmp_path / "away.zip")
    event = await begin_replay(sql, base, which=["dead"])
    run, asked = await replayed(setting, store, event)
    assert (run.state, asked) == ("failed", [])
    assert run.error is not None
    assert "of 3 chunks no text is on the log any more, and the source cannot be read" in run.error["message"]
    await forget(sql, event)

    # Once more with its source, and with its topic gone.
    (tmp_path / "away.zip").rename(source)
    await delete_topics(setting.bootstrap, setting.topic(CHUNKS_READY))
    event = await begin_replay(sql, base, which=["dead"])
    async with hosted(setting, ("chunker",)):
        await setting.publish(setting.topic(IMPORT_RECEIVED), event)
        await setting.make_topics()
        async with hosted(setting, ("extractor", "consolidator", "writer")):
            run = await ended(store, event)
    assert (run.state, run.coverage) == ("complete", 1.0)
