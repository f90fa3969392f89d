"""The commands that ops use, over the settings of a test's pipeline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import Soulprint
from tests.support.forking import ForkedSoulprint, ForkServer
from tests.support.services import AnySetting

CommandOf = Callable[[AnySetting], ForkedSoulprint]


@pytest.fixture
def command_of(fork_server: ForkServer, tmp_path: Path) -> CommandOf:
    """The command with the settings of a pipeline, as they are when this is called."""

    def command(setting: AnySetting) -> ForkedSoulprint:
        settings = tuple(setting.environment().items())
        return ForkedSoulprint(Soulprint(tmp_path / "home", settings), fork_server)

    return command
