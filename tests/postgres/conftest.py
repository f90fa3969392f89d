"""What the store promises it promises however it reaches the database: each test that asks for a store runs
once a transport."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from shared.store.store import Store
from tests.support.transports import TRANSPORTS, Transports


@pytest.fixture(params=TRANSPORTS)
async def store(
    request: pytest.FixtureRequest, transports: Transports, database: str
) -> AsyncIterator[Store]:
    """A store over a fresh database, by each transport in turn."""
    async with transports.store(request.param, database) as opened:
        yield opened


DIRECT = pytest.mark.parametrize("store", ["direct"], indirect=True)
"""Marks what only a direct connection has."""
