"""What acceptance tests stand on: the command as a process, over a home that all share or one of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.postgres.embedded import embedded_postgres
from tests.support.command import Soulprint, fresh_home
from tests.support.forking import ForkedSoulprint, ForkServer


@pytest.fixture(scope="session")
async def shared_home() -> AsyncIterator[Soulprint]:
    """The command over a home that tests share, each with users of its own. Its server stays up from test to
    test."""
    with fresh_home() as command:
        async with embedded_postgres(command.home):
            yield command


@pytest.fixture(scope="session")
def forked(shared_home: Soulprint, fork_server: ForkServer) -> ForkedSoulprint:
    """The command over the shared home, forked."""
    return ForkedSoulprint(shared_home, fork_server)


@pytest.fixture
def homeless(tmp_path: Path, fork_server: ForkServer) -> ForkedSoulprint:
    """The command over a home that does not exist yet, for what ends before it needs one."""
    return ForkedSoulprint(Soulprint(tmp_path / "home"), fork_server)
