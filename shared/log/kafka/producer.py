"""One producer of aiokafka, so that nothing waits for it once it was thrown away.

aiokafka leaves callers behind in two places: a send that waits to hear of a topic waits for ever when the
client is closed meanwhile, and what is handed to a sender that has ended is never told of. So each send has
a way out here that does not depend on the client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from shared.log.kafka.aiokafka_fixes import close_what_comes, make_patient, topics_unknown_for
from shared.log.kafka.connection import Connection
from shared.pipelines import MAX_DEAD_LETTER_BYTES

_END = 10.0
"""Seconds for a broken producer to close its connections."""

log = structlog.get_logger(__name__)


class ThrownAwayError(KafkaError):  # type: ignore[misc]  # aiokafka is untyped
    """This producer is used no more; another has to send the record."""


class Producer:
    """An idempotent producer. For one event loop; `start` it before it sends, and `end` it."""

    def __init__(self, connection: Connection, *, request_timeout: float) -> None:
        self._request_timeout = request_timeout
        self._client = AIOKafkaProducer(
            **connection.options(),
            acks="all",
            enable_idempotence=True,
            compression_type="zstd",
            max_batch_size=512 * 1024,
            max_request_size=MAX_DEAD_LETTER_BYTES,
            linger_ms=2,
            request_timeout_ms=int(request_timeout * 1000),
        )
        make_patient(self._client.client)
        self._sends: dict[asyncio.Timeout, str] = {}
        """The sends under way, each with its topic: ending one is letting its time run out."""
        self._refusals: dict[asyncio.Timeout, KafkaError] = {}
        """Why those end whose time was made to run out."""
        self._thrown_away = False

    async def start(self) -> None:
        """Return when it may send. Raises KafkaError, OSError, TimeoutError."""
        # Longer than its own bounds for connecting, asking what is spoken, and asking who is there: a start
        # that is cancelled leaves its connection open.
        async with asyncio.timeout(4 * self._request_timeout):
            await self._client.start()

    async def send(
        self, to: str, *, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]
    ) -> None:
        """Return when the record is acknowledged. Raises KafkaError; ThrownAwayError once this was thrown
        away, UnknownTopicOrPartitionError after `refuse`."""
        if self._thrown_away:
            raise ThrownAwayError
        # Else it asks for all topics that there are, where one that is gone is only absent.
        self._client.client.add_topic(to)
        way_out = asyncio.timeout(None)
        try:
            async with way_out:
                self._sends[way_out] = to
                try:
                    await self._client.send_and_wait(to, key=key, value=value, headers=list(headers))
                finally:
                    del self._sends[way_out]
        except TimeoutError:
            if way_out not in self._refusals:
                raise
            raise self._refusals[way_out] from None
        finally:
            self._refusals.pop(way_out, None)

    def refuse(self, topic: str) -> None:
        """End what is being sent to a topic that does not exist."""
        for way_out, to in self._sends.items():
            if to == topic:
                self._leave(way_out, UnknownTopicOrPartitionError())

    def _leave(self, way_out: asyncio.Timeout, why: KafkaError) -> None:
        if way_out not in self._refusals:
            self._refusals[way_out] = why
            way_out.reschedule(asyncio.get_running_loop().time())

    # What it knows of the topics

    def unknown(self, topics: Collection[str], seconds: float) -> list[str]:
        """Those of `topics` of which Kafka has said for so long that there is no such topic."""
        return topics_unknown_for(self._client.client, topics, seconds)

    def holds(self, topic: str) -> bool:
        """Whether records for this topic are in it, to be sent as soon as the topic is there."""
        sent = self._client._message_accumulator._pending_batches
        return any(batches and tp.topic == topic for tp, batches in self._batches.items()) or any(
            batch.tp.topic == topic for batch in sent
        )

    def stuck(self, topics: Collection[str]) -> str:
        """Why records for `topics` cannot be sent now, "" if they can: a partition without a leader, or one
        that a topic made anew no longer has."""
        cluster = self._client.client.cluster
        for topic in topics:
            known = cluster.partitions_for_topic(topic)
            if known and known != cluster.available_partitions_for_topic(topic):
                return f"no leader for {topic}"
        for tp, batches in self._batches.items():
            known = cluster.partitions_for_topic(tp.topic)
            if batches and known and tp.partition not in known:
                return f"{tp.topic} has no partition {tp.partition} any more"
        return ""

    @property
    def _batches(self) -> dict:  # type: ignore[type-arg]  # aiokafka's own, of deques of batches by partition
        return self._client._message_accumulator._batches  # type: ignore[no-any-return]

    # The end

    async def end(self, *, graceful: bool) -> None:
        """Close it. Sends under way end with ThrownAwayError, unless `graceful`: then they are waited for."""
        if not graceful:
            self._throw_away()
        # A task of its own: a sender that is ended while it rests between two attempts ends it as cancelled.
        stopping = asyncio.create_task(self._client.stop())
        try:
            await asyncio.wait([stopping], timeout=_END)
            if not stopping.done():
                stopping.cancel()
                await asyncio.wait([stopping])
            if stopping.cancelled() or stopping.exception() is not None:
                log.info("a producer was closed by force")
                await self._client.client.close()
        finally:
            self._thrown_away = True
            close_what_comes(self._client.client)

    def _throw_away(self) -> None:
        """End its sends and its sender: its own `stop` would wait for them for ever."""
        self._thrown_away = True
        for way_out in self._sends:
            self._leave(way_out, ThrownAwayError())
        accumulator = self._client._message_accumulator
        accumulator.fail_all(ThrownAwayError())
        for batch in [b for batches in self._batches.values() for b in batches]:
            if batch._drain_waiter.done():
                batch._drain_waiter.exception()  # else asyncio logs that nobody asked for it
        sender = self._client._sender.sender_task
        if sender is not None and not sender.done():
            sender.cancel()
