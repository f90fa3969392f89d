"""What the store promises it promises however it reaches the database: a test that asks for a store gets a
direct one, or with EVERY_WAY runs once a transport."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from shared.store.store import Store
from tests.support.transports import TRANSPORTS, Transports


@pytest.fixture
async def store(
    request: pytest.FixtureRequest, transports: Transports, database: str
) -> AsyncIterator[Store]:
    """A store over a fresh database."""
    async with transports.store(getattr(request, "param", "direct"), database) as opened:
        yield opened


EVERY_WAY = pytest.mark.parametrize("store", TRANSPORTS, indirect=True)
"""Marks what may differ by transport: what is asked at once, refused, or read page by page, and of each room
of the store what it is for. That every method is answered over each, test_every_way.py tells."""
