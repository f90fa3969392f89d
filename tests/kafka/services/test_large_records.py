"""A stranger's record over the size limit is set aside without its value."""

from __future__ import annotations

import os
from pathlib import Path

from aiokafka import AIOKafkaProducer

from shared.pipelines import CHUNKS_READY, MAX_DEAD_LETTER_BYTES
from shared.store.store import Store
from tests.support.kafka import Broker, create_topics
from tests.support.replica import read_all
from tests.support.services import PARTITIONS, Setting, ended, hosted, reasons
from tests.support.waiting import until


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
