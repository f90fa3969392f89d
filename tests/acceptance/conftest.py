"""What acceptance tests stand on: a home of their own, ended with them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.command import Soulprint, fresh_home


@pytest.fixture
def soulprint() -> Iterator[Soulprint]:
    """The command over a fresh home."""
    with fresh_home() as command:
        yield command
