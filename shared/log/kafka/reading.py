"""Reading topics of Kafka beside their readers: see shared.log.reading."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from aiokafka.protocol.metadata import MetadataRequest

from shared.domain.events import Event
from shared.log.kafka.aiokafka_fixes import make_patient, topics_unknown_for
from shared.log.kafka.cloudevents import decode
from shared.log.kafka.connection import Connection
from shared.log.kafka.rights import refusal
from shared.log.ports import LogRefusedError, LogUnavailableError, TopicLostError
from shared.log.reading import RawRecord, Span

E = TypeVar("E", bound=Event)
PATIENCE = 30.0
"""Seconds that Kafka has for a step: to answer, or to give the next records."""
_GONE = 1.0
"""Seconds for which Kafka has not known a topic that is read: a broker may only just hear of a new one."""
AT_ONCE = 8
"""Partitions that are read beside each other: of each the client holds what it has fetched."""
FETCH_BYTES = 1024**2
"""What is fetched of a partition at a time, compressed; one batch of records comes whole, however large."""


class KafkaReading:
    """See shared.log.reading.Reading. Holds no connection but while it is asked."""

    def __init__(self, connection: Connection, prefix: str = "", *, patience: float = PATIENCE) -> None:
        self._connection = connection
        self._prefix = prefix
        self._patience = patience

    async def topics(self) -> Collection[str]:
        """See Reading."""
        async with self._consumer() as consumer, self._step("Kafka"):
            known = await consumer._client.fetch_all_metadata()
            prefix = self._prefix
            return [name.removeprefix(prefix) for name in known.topics() if name.startswith(prefix)]

    async def spans(
        self, topic: str, since: int | None = None, until: int | None = None
    ) -> Mapping[int, Span]:
        """See Reading."""
        name = self._prefix + topic
        async with self._consumer() as consumer, self._step(name, consumer):
            # Of all topics: to ask for one by its name could make it.
            known = await consumer._client.fetch_all_metadata()
            every = [TopicPartition(name, number) for number in known.partitions_for_topic(name) or ()]
            if not every:
                await self._require_shown(consumer, name)
                return {}
            await consumer._client.add_topic(name)  # else the first look for its leaders would wait
            ends = await consumer.end_offsets(every)
            begins = await consumer.beginning_offsets(every)
            if since is not None:
                found = await consumer.offsets_for_times(dict.fromkeys(every, max(0, since)))
                begins = {tp: ends[tp] if at is None else at.offset for tp, at in found.items()}
            if until is not None:
                found = await consumer.offsets_for_times(dict.fromkeys(every, max(0, until)))
                ends = {tp: ends[tp] if at is None else at.offset for tp, at in found.items()}
        return {tp.partition: Span(begins[tp], max(begins[tp], ends[tp])) for tp in every}

    async def _require_shown(self, consumer: AIOKafkaConsumer, name: str) -> None:
        """For a topic that is not among all that are shown to us. Raises TopicAuthorizationFailedError where
        we may not see it, so that it may be there."""
        client = consumer._client
        request = MetadataRequest([name], allow_auto_topic_creation=False)
        (found,) = (await client.send(client.get_random_node(), request)).topics
        if found[0] == TopicAuthorizationFailedError.errno:
            raise TopicAuthorizationFailedError(name)

    async def read(self, topic: str, spans: Mapping[int, Span]) -> AsyncGenerator[Sequence[RawRecord], None]:
        """See Reading."""
        name = self._prefix + topic
        wanted = {
            TopicPartition(name, number): span
            for number, span in sorted(spans.items())
            if span.begin < span.end
        }
        if not wanted:
            return
        async with self._consumer() as consumer:
            every = list(wanted.items())
            for first in range(0, len(every), AT_ONCE):
                async for records in self._read(consumer, dict(every[first : first + AT_ONCE])):
                    yield records

    async def _read(
        self, consumer: AIOKafkaConsumer, spans: Mapping[TopicPartition, Span]
    ) -> AsyncGenerator[Sequence[RawRecord], None]:
        consumer.assign(list(spans))
        for tp, span in spans.items():
            consumer.seek(tp, span.begin)
        left = dict(spans)
        while left:
            async with self._step(next(iter(left)).topic, consumer):
                fetched = await self._next(consumer, left)
            for tp, records in fetched.items():
                inside = [_raw(each) for each in records if each.offset < spans[tp].end]
                if inside:
                    yield inside

    async def _next(
        self, consumer: AIOKafkaConsumer, left: dict[TopicPartition, Span]
    ) -> dict[TopicPartition, list[Any]]:
        """What comes next; partitions that were read to their end leave `left`. By positions, not by records:
        the last offsets may be markers of transactions, or compacted away."""
        before = {tp: await consumer.position(tp) for tp in left}
        while True:
            fetched: dict[TopicPartition, list[Any]] = await consumer.getmany(*left, timeout_ms=200)
            after = {tp: await consumer.position(tp) for tp in left}
            for tp in [tp for tp, span in left.items() if after[tp] >= span.end]:
                del left[tp]
            if fetched or after != before:
                return fetched

    def decode(self, record: RawRecord, model: type[E]) -> E:
        """See Reading."""
        event, _ = decode(record.value, record.headers, model)
        assert isinstance(event, model)  # noqa: S101 - decode has checked; this tells mypy
        return event

    @asynccontextmanager
    async def _consumer(self) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer of no group, started."""
        consumer = AIOKafkaConsumer(
            **self._connection.options(),
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # where retention has taken what was asked for
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_bytes=AT_ONCE * FETCH_BYTES,
        )
        make_patient(consumer._client)
        try:
            async with self._step("Kafka"):
                await consumer.start()
            yield consumer
        finally:
            # A task of its own: the client's own tasks, ended before they began, would cancel ours.
            await asyncio.wait([asyncio.create_task(consumer.stop())])

    @asynccontextmanager
    async def _step(self, what: str, consumer: AIOKafkaConsumer | None = None) -> AsyncIterator[None]:
        """With a consumer, `what` is a topic, and the step ends as soon as Kafka is seen to have it no more:
        the client would wait for it."""
        watch: asyncio.Task[None] | None = None
        try:
            async with asyncio.timeout(self._patience) as limit:
                if consumer is not None:
                    watch = asyncio.create_task(_end_when_gone(limit, consumer._client, what))
                yield
        except TimeoutError:
            if watch is not None and watch.done():
                raise TopicLostError(f"{what} was not read: it was deleted meanwhile") from None
            raise LogUnavailableError(f"{what} was not read: no answer for {self._patience:g} s") from None
        except TopicAuthorizationFailedError:
            raise LogRefusedError(refusal("Read", "topic", what)) from None
        except KafkaError as error:
            raise LogUnavailableError(f"{what} cannot be read: {type(error).__name__}") from None
        finally:
            if watch is not None:
                watch.cancel()


async def _end_when_gone(limit: asyncio.Timeout, client: Any, topic: str) -> None:
    """Return, with the limit reached, once the topic has been unknown to Kafka for a while."""
    while not topics_unknown_for(client, [topic], _GONE):  # noqa: ASYNC110 - no event tells that time passed
        await asyncio.sleep(_GONE / 4)
    if not limit.expired():
        limit.reschedule(asyncio.get_running_loop().time())


def _raw(record: Any) -> RawRecord:
    return RawRecord(
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        tuple(record.headers),
    )
