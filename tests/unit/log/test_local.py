"""The log in memory, where it is told apart from Kafka. What both promise is in tests/contract."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from shared.domain.errors import UsageError
from shared.domain.events import ImportReceived
from shared.log.local import LocalLog
from shared.log.metrics import PoolMetrics
from shared.log.policy import PoolPolicy
from shared.log.ports import Consumption
from shared.log.stage import per_batch, per_record
from shared.resilience.faults import LaneError

PATIENT = 3600.0
"""Seconds that a batch may wait for more: a test that waits for them fails."""
BATCH = 64


async def test_a_second_reader_of_a_topic_is_refused_when_it_starts() -> None:
    async def handle(_: ImportReceived) -> None:
        """Nothing comes."""

    log = LocalLog(PoolMetrics(CollectorRegistry()))
    reads = Consumption("topic", "group", per_record("stage", ImportReceived, handle))
    first, second = log.client("first"), log.client("second")
    await first.start(reads, waiting=print)
    with pytest.raises(UsageError, match="second and first both read topic"):
        await second.start(reads, waiting=print)
    await first.stop()


async def test_a_batch_that_waits_for_more_is_filled() -> None:
    seen: asyncio.Queue[int] = asyncio.Queue()

    async def handle(batch: Sequence[ImportReceived]) -> None:
        seen.put_nowait(len(batch))

    event = ImportReceived(
        import_id=UUID(int=1), user_id=UUID(int=2), run=1, source="exports/x", requested_at=datetime.now(UTC)
    )
    client = LocalLog(PoolMetrics(CollectorRegistry())).client("reader")
    stage = per_batch("stage", ImportReceived, handle, most=BATCH)
    await client.start(Consumption("topic", "group", stage, PoolPolicy(linger=PATIENT)), waiting=print)
    async with asyncio.timeout(10):
        for _ in range(BATCH):
            await client.publisher.publish("topic", "key", event)
        assert await seen.get() == BATCH
    await client.stop()


async def test_what_nobody_reads_here_is_refused_and_what_somebody_will_waits() -> None:
    log = LocalLog(PoolMetrics(CollectorRegistry()), read={"topic"})
    event = ImportReceived(
        import_id=UUID(int=1), user_id=UUID(int=2), run=1, source="exports/x", requested_at=datetime.now(UTC)
    )
    await log.publish("topic", "key", event)  # whoever reads it may begin later
    with pytest.raises(LaneError, match="nobody reads another here"):
        await log.publish("another", "key", event)
