from __future__ import annotations

from pathlib import Path

import pytest

from shared.store.store import Store
from tests.support.exports import exports
from tests.support.local import LocalSetting
from tests.support.ops import command_of

__all__ = ["command_of", "exports"]


@pytest.fixture
def setting(database: str, store: Store, exports: Path) -> LocalSetting:
    """A pipeline on a log in memory, and a database of the test's own."""
    return LocalSetting(database, exports, changes={"extract_workers": 0})
