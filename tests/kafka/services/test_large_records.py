"""Records over the size limit: of ours a dead chunk tells, a stranger's is set aside without its value."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiokafka import AIOKafkaProducer

from services.extractor.app import extractor
from shared.domain.events import ChunkReady
from shared.host.service import Kit, Service
from shared.models.base import Extraction
from shared.models.rules.model import OfflineModel
from shared.pipelines import CHUNKS_READY, FACTS_EXTRACTED, MAX_DEAD_LETTER_BYTES, MAX_EVENT_BYTES
from shared.store.store import Store
from tests.support.exports import chain, json_of
from tests.support.kafka import Broker, create_topics
from tests.support.replica import read_all
from tests.support.services import PARTITIONS, Setting, ended, hosted, reasons
from tests.support.waiting import until


async def test_a_chunk_too_large_for_the_log_is_dead_and_its_import_ends(
    setting: Setting, store: Store, exports: Path
) -> None:
    """Six bytes of JSON for each of its characters: within CHUNK_TOKENS, over the limit of a record."""
    unspeakable = "\x01" * (MAX_EVENT_BYTES // 5)
    export = exports / "unspeakable.json"
    export.write_bytes(json_of([chain("I live in Porto."), chain(unspeakable, conversation_id="c2")]))
    setting.changes |= {"chunk_tokens": 60_000, "min_coverage": 0.5}
    async with hosted(setting):
        run = await ended(store, await setting.import_of(export))
    assert run.chunks_dead == 1, run
    results = await read_all(setting.bootstrap, setting.topic(FACTS_EXTRACTED), PARTITIONS)
    assert sum(b"the limit is 1000000" in result.value for result in results) == 1


class Verbose(OfflineModel):
    """Has more to say of the first chunk than a record holds."""

    async def extract(self, chunk: ChunkReady) -> Extraction:
        found = await super().extract(chunk)
        return Extraction(found.candidates, unread=("x" * MAX_EVENT_BYTES,)) if chunk.index == 0 else found


@asynccontextmanager
async def verbose(kit: Kit) -> AsyncIterator[Service]:
    yield extractor(kit, Verbose())


async def test_a_result_too_large_for_the_log_makes_its_chunk_dead(
    setting: Setting, store: Store, exports: Path
) -> None:
    setting.changes["min_coverage"] = 0.0
    async with hosted(setting, extractor=verbose):
        run = await ended(store, await setting.import_of(exports / "small.zip"))
        assert (run.state, run.chunks_dead) == ("complete", 1), run
        await until(lambda: _set_aside(setting, ["too_large"]))


async def _set_aside(setting: Setting, wanted: list[str]) -> bool:
    return await reasons(setting, CHUNKS_READY) == wanted


async def test_a_strangers_huge_record_is_set_aside_without_its_value_and_the_rest_goes_on(
    kafka: Broker, database: str, store: Store, exports: Path
) -> None:
    setting = Setting(kafka.bootstrap, database, exports, changes={"extract_workers": 0})
    to, huge = setting.topic(CHUNKS_READY), os.urandom(MAX_DEAD_LETTER_BYTES + 1000)
    await create_topics(kafka.bootstrap, {to: PARTITIONS}, max_message_bytes=2 * len(huge))
    await setting.make_topics()
    producer = AIOKafkaProducer(bootstrap_servers=setting.bootstrap, max_request_size=2 * len(huge))
    await producer.start()
    try:
        sent = await producer.send_and_wait(to, huge)
    finally:
        await producer.stop()
    async with hosted(setting):
        run = await ended(store, await setting.import_of(exports / "small.zip"))
        assert (run.state, run.coverage) == ("complete", 1.0), run
        await until(lambda: _set_aside(setting, ["missing_header"]))
    (letter,) = await read_all(setting.bootstrap, setting.topic(CHUNKS_READY, dead=True))
    told = dict(letter.headers)
    assert (letter.value, told["dlq_value"]) == (b"", b"left out: the record is too large")
    assert (told["dlq_partition"], told["dlq_offset"]) == (b"%d" % sent.partition, b"%d" % sent.offset)
