"""A gateway over a database that is empty for each test; a predecessor, and a gateway's proxy before it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import httpx2
import pytest

from services.gateway.watching import Watcher
from shared.store.store import Store
from tests.support.face_alone import Alone, faced_alone
from tests.support.fronted import fronted
from tests.support.predecessor import Predecessor, predecessor


@pytest.fixture(scope="session")
async def shared_old() -> AsyncIterator[Predecessor]:
    """The predecessor that tests share, in turn."""
    async with predecessor() as old:
        yield old


@pytest.fixture
def old(shared_old: Predecessor) -> Predecessor:
    """A predecessor that nobody has asked yet."""
    shared_old.state.clear()
    return shared_old


@pytest.fixture(scope="session")
async def front(shared_old: Predecessor) -> AsyncIterator[str]:
    """Where what it has no route for is passed on to the predecessor."""
    async with fronted(shared_old.url) as url:
        yield url


@pytest.fixture(scope="session")
async def client(front: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A caller of it."""
    async with httpx2.AsyncClient(base_url=front) as client:
        yield client


@pytest.fixture
def quick_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gateways look at what is watched more often."""
    monkeypatch.setattr("services.gateway.app.Watcher", partial(Watcher, every=0.05, soon=0.02))


@pytest.fixture
async def face(store: Store, quick_looks: None) -> AsyncIterator[Alone]:
    """A gateway, which a service key opens."""
    async with faced_alone(store) as alone:
        yield alone
