"""Publishing: acknowledged or not returned. Owns its producer and replaces it when it is broken.

An idempotent producer can be broken for good: after a graceful stop of the broker that lasts longer than the
request timeout every send fails for ever. So on such an error, as soon as a partition of a pending record
has no leader, and when nothing was acknowledged for long, the producer is thrown away; when Kafka is whole
again a fresh one sends what is pending.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

import structlog
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
from shared.domain.told import told
from shared.log.kafka.cloudevents import encode
from shared.log.kafka.connection import Connection, wait_for_kafka
from shared.log.kafka.producer import Producer
from shared.log.kafka.rights import refusal
from shared.log.metrics import PoolMetrics
from shared.log.ports import TOO_LARGE
from shared.pipelines import MAX_EVENT_BYTES
from shared.resilience.faults import LaneError, NoTopicError, PoisonError, TopicRefusedError
from shared.resilience.lane import Lane

KAFKA = "kafka"
"""The publisher's hold on the lanes it feeds."""
_REFUSED = (
    ClusterAuthorizationFailedError,
    AuthenticationFailedError,
    InvalidTopicError,
    UnsupportedCodecError,
)
_WATCH = 0.5
"""Seconds between looks at what is pending."""
_MISSING = 5.0
"""Seconds that a topic that Kafka does not know is waited for: brokers hear of a new one a moment later."""
_STALLED = 10.0
"""Seconds without an answer to what is pending after which the lanes are told."""
_HOPELESS = 60.0
"""Seconds after which the producer is replaced, whatever it waits for: a request may take half as long."""

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
        self._producer: Producer | None = None
        self._ready = asyncio.Event()
        self._topics: set[str] = set()
        self._pending: Counter[str] = Counter()
        self._answered = self._renewed = time.monotonic()
        self._told_missing: set[str] = set()
        self._lanes: list[Lane] = []
        self._watcher: asyncio.Task[None] | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._ends: set[asyncio.Task[None]] = set()
        self._closed = False

    def feed(self, lane: Lane) -> None:
        """Hold this lane while Kafka takes nothing."""
        self._lanes.append(lane)

    @property
    def alive(self) -> bool:
        """Whether there is a producer, or one is being made; and somebody looks after what is pending."""
        tasks = [self._watcher] if self._producer is not None else [self._watcher, self._renewal]
        return all(task is not None and not task.done() for task in tasks)

    async def start(self) -> None:
        """Return when Kafka answers and a producer is up. Raises UsageError."""
        self._connection.options()  # later, what they lack would only be waited for
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
        if self._ends:
            await asyncio.wait(self._ends)

    async def publish(self, topic: str, key: str, event: Event) -> None:
        """Return when the event is acknowledged. Waits for as long as Kafka is down.

        Raises PoisonError for an event over the size limit, LaneError where Kafka refuses us, NoTopicError
        where there is no such topic, or it is refused to us.
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
            self._answered = time.monotonic()
        try:
            await self._send(to, key=key, value=value, headers=headers)
        except (PoisonError, LaneError):
            self._answered = time.monotonic()
            raise
        finally:
            self._pending[to] -= 1
        self._answered = time.monotonic()
        self._metrics.published.labels(to).inc()

    async def _send(
        self, to: str, *, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]
    ) -> None:
        while True:
            await self._ready.wait()
            producer = self._producer
            if producer is None:
                raise LaneError("the publisher is closed")
            try:
                await producer.send(to, key=key, value=value, headers=headers)
            except (MessageSizeTooLargeError, RecordListTooLargeError):
                raise PoisonError(TOO_LARGE, f"a record too large for {to}") from None
            except UnknownTopicOrPartitionError:
                missing = f"Kafka has no topic {to}; make it with `soulprint topics create`"
                raise NoTopicError(missing) from None
            except TopicAuthorizationFailedError:
                raise TopicRefusedError(refusal("Write", "topic", to)) from None
            except _REFUSED as error:
                raise LaneError(f"Kafka refuses {to}: {type(error).__name__}") from error
            except KafkaError as error:
                self._broken(producer, type(error).__name__)
            else:
                return

    # Renewal

    def _broken(self, producer: Producer, why: str) -> None:
        if producer is not self._producer or self._closed:
            return
        log.warning("producer broken", reason=why, pending=self._pending.total())
        self._ready.clear()
        self._producer = None
        self._tell(f"Kafka takes nothing: {why}")
        self._metrics.producers_replaced.inc()
        self._throw_away(producer, graceful=False)
        self._renewal = asyncio.create_task(self._renew())

    async def _renew(self) -> None:
        while True:
            try:
                self._producer = await self._fresh()
                break
            except Exception as error:  # whatever it is: without a producer nothing moves
                log.warning("no producer yet", reason=told(error))
            await asyncio.sleep(1.0)
        log.info("producer ready", pending=self._pending.total())
        self._renewed = time.monotonic()
        self._ready.set()

    async def _fresh(self) -> Producer:
        # A topic that does not exist is the stage's fault, told by the send; here only leaders count.
        await wait_for_kafka(self._connection, self._topics, missing_too=False)
        producer = Producer(self._connection, request_timeout=self._request_timeout)
        try:
            await producer.start()
        except BaseException:
            self._throw_away(producer, graceful=False)
            raise
        return producer

    def _throw_away(self, producer: Producer, *, graceful: bool) -> None:
        task = asyncio.create_task(producer.end(graceful=graceful))
        self._ends.add(task)
        task.add_done_callback(self._ends.discard)

    # Watching

    def _tell(self, why: str) -> None:
        for lane in self._lanes:
            lane.hold(KAFKA, why)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCH)
            try:
                if self._producer is not None:
                    self._look(self._producer)
            except Exception as error:
                log.exception("looking after the producer failed", error=told(error))

    def _look(self, producer: Producer) -> None:
        """Replace the producer, tell the lanes or release them, by how what is pending fares."""
        waiting = [topic for topic, count in self._pending.items() if count]
        self._told_missing.intersection_update(producer.unknown(self._topics, 0.0))
        for topic in producer.unknown(waiting, _MISSING):
            if topic not in self._told_missing:
                self._told_missing.add(topic)
                log.warning("topic does not exist", topic=topic, pending=self._pending[topic])
            producer.refuse(topic)
            if producer.holds(topic):  # else they are sent once more, when the topic is there again
                self._broken(producer, f"{topic} does not exist any more")
                return
        quiet = time.monotonic() - max(self._answered, self._renewed)
        if waiting and (why := producer.stuck(waiting)):
            self._broken(producer, why)
        elif waiting and quiet > _HOPELESS:
            self._broken(producer, f"no acknowledgement for {quiet:.0f} s")
        elif waiting and quiet > _STALLED:
            self._tell(f"no acknowledgement for {quiet:.0f} s")
        elif not waiting or self._answered >= self._renewed:  # a fresh producer alone proves nothing
            for lane in self._lanes:
                lane.release(KAFKA)
