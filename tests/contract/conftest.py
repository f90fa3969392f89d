from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.kafka import kafka
from tests.support.logs import KafkaUnderTest, LocalUnderTest, LogUnderTest

__all__ = ["kafka"]


@pytest.fixture(params=["local", "kafka"])
async def log(request: pytest.FixtureRequest) -> AsyncIterator[LogUnderTest]:
    """Each log in turn."""
    kind = request.param
    opened = (
        LocalUnderTest() if kind == "local" else KafkaUnderTest(request.getfixturevalue("kafka").bootstrap)
    )
    async with opened:
        yield opened


@pytest.fixture
async def local() -> AsyncIterator[LocalUnderTest]:
    """The log in memory, for what only it promises."""
    async with LocalUnderTest() as opened:
        yield opened
