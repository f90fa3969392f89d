"""An app that is to be told, and calls that are owed to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from uuid import UUID, uuid4

import asyncpg
import pytest

from services.writer import app_call, callbacks
from shared.host.host import Host
from shared.resilience.backoff import Backoff
from shared.store.store import Store
from tests.support.app_server import App, app_server
from tests.support.local import LocalSetting
from tests.support.records import commit, memory_of
from tests.support.runs import begin_run
from tests.support.waiting import until

STATES = "SELECT state FROM callbacks"


@pytest.fixture
async def app(setting: LocalSetting, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[App]:
    """An app that is to be told, soon after each failure."""
    monkeypatch.setattr(callbacks, "AGAIN", Backoff(base=0.01, cap=0.01))
    monkeypatch.setattr(callbacks, "LOOK_SECONDS", 0.05)
    async with app_server() as running:
        setting.changes |= {"profile_format": "app", "app_url": running.url}
        yield running


@pytest.fixture
def deadlines(monkeypatch: pytest.MonkeyPatch) -> list[asyncio.Timeout]:
    """Of all calls so far. A test ends the time of one once it has come as far as it should."""
    made: list[asyncio.Timeout] = []

    def timeout(seconds: float) -> asyncio.Timeout:
        made.append(asyncio.timeout(seconds))
        return made[-1]

    monkeypatch.setattr(app_call, "asyncio", SimpleNamespace(timeout=timeout))
    return made


async def settled(sql: asyncpg.Connection, state: str) -> None:
    """Return when the one call that was owed has come to this state."""

    async def has() -> bool:
        return [row["state"] for row in await sql.fetch(STATES)] == [state]

    has.__doc__ = f"the call is {state}"
    await until(has)


def counted(host: Host, outcome: str) -> float:
    labels = {"kind": "complete", "outcome": outcome}
    return host.registry.get_sample_value("soulprint_callbacks_total", labels) or 0.0


async def owed(store: Store) -> UUID:
    """Whose import was committed by a writer that died before it marked the call."""
    import_id, user_id = uuid4(), uuid4()
    await begin_run(store, import_id, user_id, "/a.zip", "v2")
    memory = memory_of(import_id=import_id, user_id=user_id)
    assert (await commit(store, memory, profile_format="app", notify=True)).written
    return user_id
