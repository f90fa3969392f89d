"""Puts pools on the log with FastStream, in the one way that was measured to lose nothing.

FastStream holds the connection, the AsyncAPI document and the order of start and stop; records go raw from
its batch subscriber to the pool. Its own decoding would drop what it cannot read, its acknowledgements would
commit past work in flight, and its retries would block: none of them is used.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, TopicAuthorizationFailedError
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker
from faststream.kafka.message import FAKE_CONSUMER, KafkaAckableMessage
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from shared.domain.told import told
from shared.log.health import LoopState
from shared.log.kafka.aiokafka_fixes import (
    abandon,
    commit_once,
    forget_errors,
    join_again,
    make_patient,
    quieten,
)
from shared.log.kafka.connection import Connection, wait_for_kafka
from shared.log.kafka.group import GroupConsumer, own
from shared.log.kafka.publisher import Publisher
from shared.log.kafka.rights import refusal
from shared.log.pool import Pool

RIGHTS = "rights"
"""The hold while Kafka does not let us read."""
_PROVEN = 15.0
"""Seconds without a refusal after which we count as let, though nothing came: longer than between two."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SubscriberPolicy:
    """How a consumer behaves towards its group. Milliseconds unless it says otherwise."""

    max_poll_interval: int = 600_000
    rebalance_timeout: int = 60_000
    """Longer than a pool's `revoke_grace`."""
    session_timeout: int = 10_000
    heartbeat_interval: int = 1_000
    """A heartbeat's answer tells of a rebalance: until the last member has heard, nobody gets new records."""
    fetch_max_wait: int = 50
    """Low: an idle partition delays the fetch of a busy one by this, and a pool that has bytes gathered waits
    so long where few come."""
    batch_timeout: int = 50
    """How long a poll waits for records, and rests after it found none."""
    fetch_max_bytes: int = 4 * 1024**2
    """Most bytes of one fetch, all partitions together: what a long queue puts into memory. A single larger
    record still comes."""
    max_records: int = 200
    """Most records of one poll: how far the pool's high mark can be overshot."""
    drain: float = 20.0
    """Seconds that a shutdown waits for work in flight."""
    leave: float = 5.0
    """Seconds for Kafka to hear that we leave; else it notices by the session timeout."""


class Subscription:
    """One topic read by one group into one pool."""

    def __init__(
        self,
        broker: KafkaBroker,
        topic: str,
        group: str,
        pool: Pool[Any],
        policy: SubscriberPolicy | None = None,
    ) -> None:
        self.topic = topic
        self.group = group
        self.pool = pool
        self._failed = False
        """Whether the last poll did."""
        self._refused_at = 0.0
        self.policy = policy = policy or SubscriberPolicy()
        self._coordinator_seen = time.monotonic()
        self._unanswered: float | None = None
        self._subscriber = broker.subscriber(
            topic,
            batch=True,
            group_id=group,
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            auto_offset_reset="earliest",
            partition_assignment_strategy=(StickyPartitionAssignor,),
            listener=_Listener(self),
            parser=_parse,
            decoder=_decode,
            max_poll_interval_ms=policy.max_poll_interval,
            rebalance_timeout_ms=policy.rebalance_timeout,
            session_timeout_ms=policy.session_timeout,
            heartbeat_interval_ms=policy.heartbeat_interval,
            fetch_max_wait_ms=policy.fetch_max_wait,
            fetch_min_bytes=pool.policy.gather_bytes,
            fetch_max_bytes=policy.fetch_max_bytes,
            batch_timeout_ms=policy.batch_timeout,
            max_records=policy.max_records,
        )
        self._subscriber(self._handler())
        self._poll = self._subscriber.get_msg
        self._subscriber.get_msg = self._polled  # type: ignore[method-assign]  # else nobody hears of errors

    async def _polled(self, consumer: Any) -> Any:
        """The next records. After an error FastStream tries again in a while, and says nothing."""
        if self._failed:
            forget_errors(consumer)
        self._failed = True
        try:
            records = await self._poll(consumer)
        except KafkaError as error:
            join_again(consumer)
            if isinstance(error, TopicAuthorizationFailedError):
                self._refused(refusal("Read", "topic", self.topic))
            elif isinstance(error, GroupAuthorizationFailedError):
                self._refused(refusal("Read", "group", self.group))
            raise
        self._failed = False
        if records or time.monotonic() - self._refused_at > _PROVEN:
            self.let()
        return records

    def _refused(self, why: str) -> None:
        self._refused_at = time.monotonic()
        self.pool.lane.hold(RIGHTS, why)

    def let(self) -> None:
        """Kafka lets us read, it seems."""
        self.pool.lane.release(RIGHTS)

    def _handler(self) -> Callable[..., Awaitable[None]]:
        async def receive(records: Any) -> None:
            self.pool.submit(records)

        # Only the AsyncAPI document reads this: what arrives is raw (apply_types=False).
        receive.__annotations__ = {"records": list[self.pool.stage.model], "return": None}  # type: ignore[name-defined]  # a type known at run time only
        receive.__name__ = f"receive_{self.pool.stage.name}"
        return receive

    @property
    def consumer(self) -> Any:
        """The AIOKafkaConsumer, None before the start and after the stop."""
        return self._subscriber.consumer

    def state(self) -> LoopState:
        """Whether the tasks under the pool live. Reads the client's private parts: it tells no other way."""
        consumer = self.consumer
        coordinator = getattr(consumer, "_coordinator", None)
        if coordinator is None:
            self._coordinator_seen = time.monotonic()
            return LoopState(False, False, False, 0.0)
        if coordinator.coordinator_id is not None:
            self._coordinator_seen = time.monotonic()
        return LoopState(
            started=True,
            polling=any(not task.done() for task in self._subscriber.tasks),
            coordinating=not coordinator._coordination_task.done(),
            without_coordinator=time.monotonic() - self._coordinator_seen,
            missing="" if consumer._client.cluster.partitions_for_topic(self.topic) else self.topic,
            silent=0.0 if self._unanswered is None else time.monotonic() - self._unanswered,
        )

    def asked(self) -> None:
        """Kafka was asked something."""
        if self._unanswered is None:
            self._unanswered = time.monotonic()

    def answered(self) -> None:
        """It answered, or what was asked is of no account any more."""
        self._unanswered = None

    async def drain(self) -> bool:
        """Stop taking, wait for work in flight, commit, end the rest."""
        done = await self.pool.join(self.policy.drain)
        await self.pool.close()
        log.info("drained", stage=self.pool.stage.name, all_done=done)
        return done

    async def leave(self) -> None:
        """Stop polling and leave the group; without a word where Kafka does not answer."""
        leaving, consumer = asyncio.create_task(self._subscriber.stop()), self.consumer
        await asyncio.wait([leaving], timeout=self.policy.leave)
        if not leaving.done():
            log.warning("left the group without a word: Kafka does not answer", stage=self.pool.stage.name)
            leaving.cancel()
            await asyncio.wait([leaving])
            await abandon(consumer)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Tells the pool of rebalances. An exception here would only be logged; a CancelledError would end the
    client's coordination for good, so the pool's work runs in a task of its own."""

    def __init__(self, subscription: Subscription) -> None:
        self._subscription = subscription

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        if revoked:
            task = asyncio.create_task(self._subscription.pool.revoked())
            await asyncio.wait([task])
            if not task.cancelled() and (error := task.exception()) is not None:
                stage = self._subscription.pool.stage.name
                log.error("revoke failed", stage=stage, error=told(error), exc_info=error)

    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        make_patient(self._subscription.consumer._client)
        subscription = self._subscription
        subscription.answered()
        subscription.let()
        commit_once(subscription.consumer._coordinator)
        subscription.pool.assigned(GroupConsumer(subscription), own(assigned))


async def _parse(records: Any) -> KafkaAckableMessage:
    """Wrap raw records. Reads nothing of them, so it cannot fail."""
    return KafkaAckableMessage(
        raw_message=records,
        body=b"",
        correlation_id="-",
        consumer=FAKE_CONSUMER,  # nothing is ever acknowledged through it
    )


async def _decode(message: Any) -> Any:
    return message.raw_message


def broker_for(connection: Connection, client_id: str) -> KafkaBroker:
    """FastStream's broker for consuming only; publishing is the Publisher's."""
    options = connection.options()
    return KafkaBroker(
        options["bootstrap_servers"],
        client_id=client_id,
        security=_security(connection),
        retry_backoff_ms=options["retry_backoff_ms"],
        consumer_only=True,
        allow_auto_create_topics=False,
        apply_types=False,
        logger=None,
    )


def _security(connection: Connection) -> BaseSecurity | None:
    context = connection.ssl_context()
    if not connection.security_protocol.startswith("SASL"):
        return None if context is None else BaseSecurity(ssl_context=context, use_ssl=True)
    kinds = {"PLAIN": SASLPlaintext, "SCRAM-SHA-256": SASLScram256, "SCRAM-SHA-512": SASLScram512}
    return kinds[connection.sasl_mechanism](
        username=connection.username or "",
        password=connection.password or "",
        ssl_context=context,
        use_ssl=context is not None,
    )


def application(
    connection: Connection,
    broker: KafkaBroker,
    subscriptions: Sequence[Subscription],
    publisher: Publisher | None = None,
) -> FastStream:
    """A service's app: waits for Kafka, consumes, and drains on SIGTERM while the consumer still lives."""
    quieten()

    async def wait() -> None:
        await wait_for_kafka(connection, {s.topic for s in subscriptions})
        if publisher is not None:
            for subscription in subscriptions:
                publisher.feed(subscription.pool.lane)
            await publisher.start()

    async def drain() -> None:
        await asyncio.gather(*(s.drain() for s in subscriptions))
        leaving = [s.leave() for s in subscriptions]
        await asyncio.gather(*leaving, *([] if publisher is None else [publisher.close()]))

    return FastStream(broker, logger=None, on_startup=[wait], on_shutdown=[drain])
