"""What acceptance tests stand on: a home of their own, ended with them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from shared.postgres.embedded import embedded_postgres
from tests.support.command import Soulprint, fresh_home


@pytest.fixture
def soulprint() -> Iterator[Soulprint]:
    """The command over a fresh home."""
    with fresh_home() as command:
        yield command


@pytest.fixture(scope="module")
async def shared_home() -> AsyncIterator[Soulprint]:
    """The command over a home that a module's tests share, each with users of its own. Its server stays up
    from test to test."""
    with fresh_home() as command:
        async with embedded_postgres(command.home):
            yield command
