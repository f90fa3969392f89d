from __future__ import annotations

from pathlib import Path

import pytest

from shared.store.store import Store
from tests.support.exports import exports
from tests.support.kafka import Broker, kafka
from tests.support.ops import command_of
from tests.support.services import Setting

__all__ = ["command_of", "exports", "kafka"]


@pytest.fixture
async def setting(kafka: Broker, database: str, store: Store, exports: Path) -> Setting:
    """A pipeline and a database of the test's own."""
    found = Setting(kafka.bootstrap, database, exports, changes={"extract_workers": 0})
    await found.make_topics()
    return found
