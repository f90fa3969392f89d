"""Which records lie on a dead-letter topic already, so that a topic read anew is not buried anew."""

from __future__ import annotations

import asyncio
import time

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared.log.deadletter import DeadLetter
from shared.log.kafka.aiokafka_fixes import make_patient
from shared.log.kafka.connection import Connection
from shared.pipelines import MAX_DEAD_LETTER_BYTES, topic

_PATIENCE = 30.0
"""Seconds to read what a dead-letter topic holds. What is not read in time may be buried twice."""
_FRESH_MS = 60_000
"""How much the clocks of those who write records may differ from ours."""
_ID = "dlq_id"

log = structlog.get_logger(__name__)


class Buried:
    """The burials that are known to this process. For one event loop.

    A record that came after this process began is looked up nowhere: hardly anybody can have buried it but
    we. Whatever is older may have been read before; then the dead-letter topic is read, once, from the time
    of that record on. Where a burial is missed all the same, the second has the id of the first.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._begun = int(time.time() * 1000)
        self._ids: set[bytes] = set()
        self._read_from: dict[str, int] = {}
        """For each dead-letter topic, the time of the record from which on its letters are known."""
        self._reading = asyncio.Lock()

    async def has(self, letter: DeadLetter) -> bool:
        """Whether this record lies on its dead-letter topic. False where that cannot be told."""
        to, written = topic(letter.raw.topic, dead=True), max(0, letter.raw.timestamp)
        async with self._reading:
            old = written < self._begun + _FRESH_MS
            if old and written < self._read_from.get(to, self._begun + _FRESH_MS):
                await self._read(to, written)
        return str(letter.id).encode() in self._ids

    def note(self, letter: DeadLetter) -> None:
        """This one was buried."""
        self._ids.add(str(letter.id).encode())

    async def _read(self, to: str, since: int) -> None:
        consumer = AIOKafkaConsumer(
            to,
            **self._connection.options(),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=2 * MAX_DEAD_LETTER_BYTES,
        )
        make_patient(consumer._client)
        before = len(self._ids)
        try:
            async with asyncio.timeout(_PATIENCE):
                await consumer.start()
                await self._collect(consumer, since)
        except KafkaError as error:
            log.warning("dead letters cannot be read", topic=to, error=type(error).__name__)
            return
        except TimeoutError:
            log.warning("dead letters were not read in time", topic=to, seconds=_PATIENCE)
        finally:
            # A task of its own: the client's own tasks, ended before they began, would cancel ours.
            await asyncio.wait([asyncio.create_task(consumer.stop())])
        self._read_from[to] = since
        log.info("dead letters read", topic=to, letters=len(self._ids) - before)

    async def _collect(self, consumer: AIOKafkaConsumer, since: int) -> None:
        partitions: set[TopicPartition] = consumer.assignment()  # all: it is of no group
        ends = await consumer.end_offsets(partitions)
        # A letter is written after its record.
        begins = await consumer.offsets_for_times(dict.fromkeys(partitions, since))
        left = {tp for tp in partitions if begins[tp] is not None and begins[tp].offset < ends[tp]}
        for tp in partitions:
            consumer.seek(tp, begins[tp].offset if tp in left else ends[tp])
        while left:
            for records in (await consumer.getmany(*left, timeout_ms=200)).values():
                for record in records:
                    self._ids.update(value for name, value in record.headers if name == _ID and value)
            left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
