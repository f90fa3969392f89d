"""Rebalances amid replays: their places come back, and what is delivered anew finds them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry

from shared.domain.events import ImportReceived
from shared.log.kafka.cloudevents import CloudEvents, encode
from shared.log.metrics import PoolMetrics
from shared.log.policy import PoolPolicy
from shared.log.pool import Pool
from shared.log.ports import Partition
from shared.log.stage import per_record
from shared.log.units import standing_still
from tests.support.replica import event
from tests.support.waiting import until
from tests.support.worker import Record

PARTITIONS = [Partition("t", number) for number in range(2)]


class Consumer:
    """Holds what it is told to hold."""

    def __init__(self) -> None:
        self.held: set[Partition] = set()

    def assignment(self) -> set[Partition]:
        return self.held

    def pause(self, *partitions: Partition) -> None: ...

    def resume(self, *partitions: Partition) -> None: ...

    async def commit(self, offsets: Mapping[Partition, int]) -> None: ...

    async def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, int | None]:
        return dict.fromkeys(partitions)

    async def end_offsets(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        return dict.fromkeys(partitions, 100)


def records(partition: int, *, replay: bool, first: int = 0, count: int = 10) -> list[Any]:
    found = []
    for offset in range(first, first + count):
        of = event(offset).model_copy(update={"priority": "replay" if replay else "live"})
        value, headers = encode(of, source="test", pipeline="v2")
        found.append(Record(offset, value, headers, partition=partition))
    return found


async def test_places_of_replays_survive_rebalances_of_what_is_in_flight_and_what_waits() -> None:
    begun: list[str] = []
    go = asyncio.Event()

    async def handle(received: ImportReceived) -> None:
        begun.append(received.priority)
        with standing_still():
            await go.wait()

    async def bury(_: Any) -> None:
        raise AssertionError

    consumer = Consumer()
    pool = Pool(
        per_record("s", ImportReceived, handle),
        reader=CloudEvents(),
        bury=bury,
        metrics=PoolMetrics(CollectorRegistry()),
        policy=PoolPolicy(ceiling=6, of_replays=3, revoke_grace=0.01),
    )

    def in_work() -> list[int]:
        """Of which partitions."""
        return [each.raw.partition for unit in pool._tasks.values() for each in unit.items]

    try:
        for _ in range(5):
            consumer.held = set(PARTITIONS)
            pool.assigned(consumer, PARTITIONS)
            pool.submit(records(0, replay=True))
            pool.submit(records(1, replay=True))
            await until(lambda: in_work() == [0] * 3)
            await pool.revoked()
            consumer.held = {PARTITIONS[1]}
            pool.assigned(consumer, [PARTITIONS[1]])
            await until(lambda: in_work() == [1] * 3)
            await pool.revoked()
            consumer.held = set()
            pool.assigned(consumer, [])
            await until(pool.idle.is_set)
            assert (pool.state().in_flight, pool.state().waiting, pool._waiting_bytes) == (0, 0, [0, 0])
        consumer.held = set(PARTITIONS)
        pool.assigned(consumer, PARTITIONS)
        pool.submit(records(0, replay=True))
        pool.submit(records(1, replay=False))
        await until(lambda: pool.state().in_flight == 6)
        go.set()
        await until(pool.idle.is_set)
    finally:
        await pool.close()
    assert begun.count("live") == 10
