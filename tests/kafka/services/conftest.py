from __future__ import annotations

from pathlib import Path

import pytest

from shared.store.store import Store
from tests.exports.generate import generate
from tests.support.kafka import Broker, kafka
from tests.support.ops import command_of
from tests.support.services import Setting

__all__ = ["command_of", "kafka"]


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with exports of 20 and 300 conversations."""
    folder = tmp_path_factory.mktemp("exports")
    generate(folder / "small.zip", 20, seed=3)
    generate(folder / "large.zip", 300, seed=5)
    return folder


@pytest.fixture
async def setting(kafka: Broker, database: str, store: Store, exports: Path) -> Setting:
    """A pipeline and a database of the test's own."""
    found = Setting(kafka.bootstrap, database, exports, changes={"extract_workers": 0})
    await found.make_topics()
    return found
