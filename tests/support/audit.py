"""Whether what a group committed is done: no watermark may ever pass an unfinished record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.pipelines import CHUNKS_READY, FACTS_EXTRACTED, IMPORT_RECEIVED, MEMORY_READY
from tests.support.replica import committed
from tests.support.services import PARTITIONS, Setting

READERS = {
    IMPORT_RECEIVED: "chunker",
    CHUNKS_READY: "extractor",
    FACTS_EXTRACTED: "consolidator",
    MEMORY_READY: "writer",
}
"""Which service reads a topic of the pipeline."""

Key = tuple[str, int, int]
"""Import, run and index of a chunk, or -1 for the whole run."""

CHUNKED = "chunked_at IS NOT NULL OR finished_at IS NOT NULL"
ENDED = "finished_at IS NOT NULL"


@dataclass
class Topic:
    """What was read of a topic so far: what each record is about, by partition and offset."""

    keys: dict[tuple[int, int], Key] = field(default_factory=dict)
    next: dict[int, int] = field(default_factory=dict)


@dataclass
class Audit:
    """Compares committed offsets with what is on the next topic, and in the database."""

    setting: Setting
    _topics: dict[str, Topic] = field(default_factory=dict)
    checked: int = 0
    """Records below committed offsets that were found done, each as often as it was looked at."""

    async def unfinished(self) -> list[str]:
        """Records below a committed offset that are not done, named.

        What is committed is asked before what is done, which only grows: what happens in between is no alarm.
        """
        offsets = {name: await self._committed(name) for name in READERS}
        for name in READERS:
            await self._read(name)
        recorded, chunked, ended = await self._recorded(), await self._runs(CHUNKED), await self._runs(ENDED)
        answered = set(self._topics[FACTS_EXTRACTED].keys.values())
        done = {
            IMPORT_RECEIVED: chunked,
            CHUNKS_READY: answered | recorded,
            FACTS_EXTRACTED: recorded,
            MEMORY_READY: ended,
        }
        wrong = []
        for name, topic in self._topics.items():
            for (partition, offset), key in topic.keys.items():
                if offset < offsets[name].get(partition, 0):
                    self.checked += 1
                    if key not in done[name]:
                        wrong.append(f"{name}[{partition}]@{offset}: {key}")
        return wrong

    async def lag(self) -> dict[str, int]:
        """Records of each topic that its reader has not committed, where there are any."""
        lags = {}
        for name in READERS:
            offsets, ends = await self._committed(name), await self.setting.ends(name)
            if lag := sum(end - offsets.get(number, 0) for number, end in enumerate(ends)):
                lags[name] = lag
        return lags

    async def _committed(self, name: str) -> dict[int, int]:
        group = self.setting.group(READERS[name])
        offsets = await committed(self.setting.bootstrap, group, self.setting.topic(name), PARTITIONS)
        return dict(enumerate(offsets))

    async def _read(self, name: str) -> None:
        """Read on from where the last look ended."""
        topic = self._topics.setdefault(name, Topic())
        partitions = [TopicPartition(self.setting.topic(name), number) for number in range(PARTITIONS)]
        async with _consumer(self.setting.bootstrap) as consumer:
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            for partition in partitions:
                consumer.seek(partition, topic.next.get(partition.partition, 0))
            while any([await consumer.position(each) < ends[each] for each in partitions]):
                for found in (await consumer.getmany(timeout_ms=200)).values():
                    for record in found:
                        event = orjson.loads(record.value)
                        key = (event["import_id"], event["run"], event.get("index", -1))
                        topic.keys[record.partition, record.offset] = key
                        topic.next[record.partition] = record.offset + 1

    async def _recorded(self) -> set[Key]:
        return await self._keys("SELECT import_id, run, chunk_index FROM chunk_results")

    async def _runs(self, condition: str) -> set[Key]:
        return await self._keys(f"SELECT import_id, run, -1 FROM imports WHERE {condition}")

    async def _keys(self, query: str) -> set[Key]:
        connection = await asyncpg.connect(self.setting.database)
        try:
            return {(str(row[0]), row[1], row[2]) for row in await connection.fetch(query)}
        finally:
            await connection.close()


@asynccontextmanager
async def _consumer(bootstrap: str) -> AsyncIterator[Any]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
