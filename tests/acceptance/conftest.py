"""What acceptance tests stand on: a home of their own, ended with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Soulprint


@pytest.fixture
def soulprint(tmp_path: Path) -> Iterator[Soulprint]:
    """The command over a fresh home; the embedded server stops with the last command that used it."""
    command = Soulprint(tmp_path / "home")
    yield command
    command("doctor")  # whoever comes last stops the server, even one that killed commands left behind
