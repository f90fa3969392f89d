"""A member of a consumer group as pools see it: what a pool asks of aiokafka's consumer, and how that ends
where Kafka does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError as NotAssignedError
from aiokafka.errors import KafkaError

from shared.log.kafka.aiokafka_fixes import TopicGoneError
from shared.log.ports import LogUnavailableError, Partition, TopicLostError


class Watched(Protocol):
    """Whose consumer it is: hears of questions and answers."""

    @property
    def consumer(self) -> Any: ...

    def asked(self) -> None: ...

    def answered(self) -> None: ...


class GroupConsumer:
    """AIOKafkaConsumer as pools see it: see shared.log.ports.Consumer."""

    def __init__(self, subscription: Watched) -> None:
        self._subscription = subscription
        self._client = subscription.consumer
        self._finding: asyncio.Future[None] | None = None

    def assignment(self) -> set[Partition]:
        return own(self._client.assignment())

    def pause(self, *partitions: Partition) -> None:
        self._client.pause(*map(_theirs, partitions))

    def resume(self, *partitions: Partition) -> None:
        self._client.resume(*map(_theirs, partitions))

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        try:
            with self._asking():
                await self._coordinator_known()
                # Not in a task of its own: given up, it must not be sent any more, after a later one perhaps.
                # What is sent already the client goes on waiting for, and drops the connection if in vain.
                await self._client.commit({_theirs(p): offset for p, offset in offsets.items()})
        except LogUnavailableError as error:
            if isinstance(error.__cause__, TopicGoneError):
                self._client._coordinator.request_rejoin()
                raise TopicLostError("the topic is gone") from error
            raise

    async def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, int | None]:
        with self._asking():
            await self._coordinator_known()
            asking = self._client._coordinator._do_fetch_commit_offsets(list(map(_theirs, partitions)))
            found = await _left_to_the_client(asking)
        return {p: found[_theirs(p)].offset if _theirs(p) in found else None for p in partitions}

    async def end_offsets(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        with self._asking():
            ends = await _left_to_the_client(self._client.end_offsets(list(map(_theirs, partitions))))
        return {Partition(*partition): offset for partition, offset in ends.items()}

    async def _coordinator_known(self) -> None:
        coordinator = self._client._coordinator
        if coordinator.coordinator_id is not None:
            return
        if self._finding is None or self._finding.done():
            self._finding = asyncio.ensure_future(coordinator.ensure_coordinator_known())
        await _left_to_the_client(self._finding)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        self._subscription.asked()
        try:
            yield
        except (KafkaError, NotAssignedError) as error:
            raise LogUnavailableError(type(error).__name__) from error
        self._subscription.answered()


async def _left_to_the_client(answer: Awaitable[Any]) -> Any:
    """The answer. Whoever stops waiting leaves the question to the client's own bound, by which it notices a
    dead connection; one that is cancelled while it connects leaves that open."""
    asking = asyncio.ensure_future(answer)
    asking.add_done_callback(_heard)
    return await asyncio.shield(asking)


def _heard(asking: asyncio.Future[Any]) -> None:
    """Take its error, which nobody else may: asyncio would log that."""
    if not asking.cancelled():
        asking.exception()


def own(partitions: Iterable[TopicPartition]) -> set[Partition]:
    """aiokafka's partitions as ours."""
    return {Partition(*partition) for partition in partitions}


def _theirs(partition: Partition) -> TopicPartition:
    return TopicPartition(*partition)
