"""A gateway over a database that is empty for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest

from services.gateway.watching import Watcher
from shared.store.store import Store
from tests.support.face_alone import Alone, faced_alone


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gateways look at what is watched more often."""
    monkeypatch.setattr("services.gateway.app.Watcher", partial(Watcher, every=0.05, soon=0.02))


@pytest.fixture
async def face(store: Store, quick_looks: None) -> AsyncIterator[Alone]:
    """A gateway, which a service key opens."""
    async with faced_alone(store) as alone:
        yield alone
