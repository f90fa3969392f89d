"""Publishing: acknowledged or not returned. Owns its producer and replaces it when it is broken.

An idempotent producer can be broken for good: after a graceful stop of the broker that lasts longer than the
request timeout every send fails for ever. So on such an error, and as soon as a partition of a pending record
has no leader, the producer is thrown away; when Kafka is whole again a fresh one sends what is pending.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    InvalidTopicError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedCodecError,
)

from shared.domain.events import Event
from shared.log.kafka.aiokafka_fixes import close_what_comes, make_patient
from shared.log.kafka.cloudevents import encode
from shared.log.kafka.connection import Connection, wait_for_kafka
from shared.log.metrics import PoolMetrics
from shared.log.ports import TOO_LARGE
from shared.pipelines import MAX_DEAD_LETTER_BYTES, MAX_EVENT_BYTES
from shared.resilience.faults import LaneError, PoisonError
from shared.resilience.lane import Lane

KAFKA = "kafka"
"""The publisher's hold on the lanes it feeds."""
_REFUSED = (
    TopicAuthorizationFailedError,
    ClusterAuthorizationFailedError,
    AuthenticationFailedError,
    UnknownTopicOrPartitionError,
    InvalidTopicError,
    UnsupportedCodecError,
)
_WATCH = 0.5
"""Seconds between looks at what is pending."""
_STALLED = 10.0
"""Seconds without an acknowledgement after which the lanes are told."""
_BURIAL = 10.0
"""Seconds for a broken producer to close its connections."""

log = structlog.get_logger(__name__)


class Publisher:
    """Sends events to topics. Safe for many tasks at once; for one event loop."""

    def __init__(
        self,
        connection: Connection,
        *,
        source: str,
        pipeline: str,
        prefix: str = "",
        metrics: PoolMetrics,
        request_timeout: float = 30.0,
    ) -> None:
        self._connection = connection
        self._source = source
        self._pipeline = pipeline
        self._prefix = prefix
        self._metrics = metrics
        self._request_timeout = request_timeout
        self._producer: AIOKafkaProducer | None = None
        self._ready = asyncio.Event()
        self._topics: set[str] = set()
        self._pending: Counter[str] = Counter()
        self._acknowledged = time.monotonic()
        self._lanes: list[Lane] = []
        self._watcher: asyncio.Task[None] | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._burials: set[asyncio.Task[None]] = set()
        self._closed = False

    def feed(self, lane: Lane) -> None:
        """Hold this lane while Kafka takes nothing."""
        self._lanes.append(lane)

    async def start(self) -> None:
        """Return when Kafka answers and a producer is up."""
        self._renewal = asyncio.create_task(self._renew())
        self._watcher = asyncio.create_task(self._watch())
        await self._ready.wait()

    async def close(self) -> None:
        """Disconnect. What is still being sent fails with LaneError. Safe to call twice."""
        self._closed = True
        for task in (self._watcher, self._renewal):
            if task is not None:
                task.cancel()
                await asyncio.wait([task])
        producer, self._producer = self._producer, None
        self._ready.set()  # whoever still waits to send is told that it is over
        if producer is not None:
            self._throw_away(producer, graceful=not self._pending.total())
        if self._burials:
            await asyncio.wait(self._burials)

    async def publish(self, topic: str, key: str, event: Event) -> None:
        """Return when the event is acknowledged. Waits for as long as Kafka is down.

        Raises PoisonError for an event over the size limit, LaneError where Kafka refuses us or the topic.
        """
        value, headers = encode(event, source=self._source, pipeline=self._pipeline)
        if len(value) > MAX_EVENT_BYTES:
            raise PoisonError(TOO_LARGE, f"an event of {len(value)} bytes; the limit is {MAX_EVENT_BYTES}")
        await self.send(self._prefix + topic, key=key.encode(), value=value, headers=headers)

    async def send(
        self, to: str, *, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]
    ) -> None:
        """Return when this record is acknowledged by the topic of this whole name. Raises like `publish`."""
        self._topics.add(to)
        self._pending[to] += 1
        if self._pending.total() == 1:
            self._acknowledged = time.monotonic()
        try:
            while True:
                await self._ready.wait()
                producer = self._producer
                if producer is None:
                    raise LaneError("the publisher is closed")
                try:
                    await producer.send_and_wait(to, key=key, value=value, headers=list(headers))
                except (MessageSizeTooLargeError, RecordListTooLargeError):
                    raise PoisonError(TOO_LARGE, f"a record too large for {to}") from None
                except _REFUSED as error:
                    raise LaneError(f"Kafka refuses {to}: {type(error).__name__}") from error
                except KafkaError as error:
                    self._broken(producer, type(error).__name__)
                else:
                    break
        finally:
            self._pending[to] -= 1
        self._acknowledged = time.monotonic()
        self._metrics.published.labels(to).inc()

    # Renewal

    def _broken(self, producer: AIOKafkaProducer, why: str) -> None:
        if producer is not self._producer or self._closed:
            return
        log.warning("producer broken", error=why, pending=self._pending.total())
        self._ready.clear()
        self._producer = None
        self._tell(f"Kafka takes nothing: {why}")
        self._metrics.producers_replaced.inc()
        self._throw_away(producer, graceful=False)
        self._renewal = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        while True:
            # A topic that does not exist is the stage's fault, told by the send; here only leaders count.
            await wait_for_kafka(self._connection, self._topics, missing_too=False)
            producer = self._new_producer()
            try:
                # Longer than its own bounds for connecting, asking what is spoken, and asking who is there: a
                # start that is cancelled leaves its connection open.
                async with asyncio.timeout(4 * self._request_timeout):
                    await producer.start()
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("no producer yet", error=type(error).__name__)
                self._throw_away(producer, graceful=False)
                await asyncio.sleep(1.0)
            except asyncio.CancelledError:
                self._throw_away(producer, graceful=False)
                raise
            else:
                break
        self._producer = producer
        self._acknowledged = time.monotonic()
        self._ready.set()
        for lane in self._lanes:
            lane.release(KAFKA)

    def _new_producer(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._connection.options(),
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            max_batch_size=512 * 1024,
            max_request_size=MAX_DEAD_LETTER_BYTES,
            linger_ms=2,
            request_timeout_ms=int(self._request_timeout * 1000),
        )
        make_patient(producer.client)
        return producer

    def _throw_away(self, producer: AIOKafkaProducer, *, graceful: bool) -> None:
        task = asyncio.create_task(_end(producer, graceful=graceful))
        self._burials.add(task)
        task.add_done_callback(self._burials.discard)

    # Watching

    def _tell(self, why: str) -> None:
        for lane in self._lanes:
            lane.hold(KAFKA, why)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH)
            producer = self._producer
            waiting = [topic for topic, count in self._pending.items() if count]
            if producer is None:
                continue
            if waiting and (leaderless := _leaderless(producer, waiting)):
                self._broken(producer, f"no leader for {leaderless}")
            elif waiting and time.monotonic() - self._acknowledged > _STALLED:
                self._tell(f"no acknowledgement for {_STALLED:.0f} s")
            else:
                for lane in self._lanes:
                    lane.release(KAFKA)


def _leaderless(producer: AIOKafkaProducer, topics: Sequence[str]) -> str | None:
    cluster = producer.client.cluster
    for topic in topics:
        known = cluster.partitions_for_topic(topic)
        if known and known != cluster.available_partitions_for_topic(topic):
            return topic
    return None


async def _end(producer: AIOKafkaProducer, *, graceful: bool) -> None:
    """Close a producer. A broken one first has its pending sends failed and its sender ended: its own `stop`
    would wait for them for ever."""
    try:
        async with asyncio.timeout(_BURIAL):
            if not graceful:
                accumulator = producer._message_accumulator
                accumulator.fail_all(KafkaError("the producer is being replaced"))
                for batch in [b for batches in accumulator._batches.values() for b in batches]:
                    if batch._drain_waiter.done():
                        batch._drain_waiter.exception()  # else asyncio logs that nobody asked for it
                sender = producer._sender.sender_task
                if sender is not None and not sender.done():
                    sender.cancel()
            await producer.stop()
    except Exception as error:
        log.info("a broken producer did not close in time", error=type(error).__name__)
        await producer.client.close()
    finally:
        close_what_comes(producer.client)
