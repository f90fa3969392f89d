"""The log in memory, where it is told apart from Kafka. What both promise is in tests/contract."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from shared.domain.errors import UsageError
from shared.domain.events import ImportReceived
from shared.log.local import LocalLog
from shared.log.metrics import PoolMetrics
from shared.log.ports import Consumption
from shared.log.stage import per_record


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
