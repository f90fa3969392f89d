"""What a service asks goes silent: the database, storage, the model. It goes on, or says why not, and stops
when told. Kafka's silence is in tests/kafka; at full length all of it is in tests/chaos."""

from __future__ import annotations

import time
from pathlib import Path
from uuid import UUID

import httpx2
import pytest

from shared.host.host import Host
from shared.log.health import live, ready
from shared.pipelines import FACTS_EXTRACTED
from shared.store.store import Store
from tests.support.door import address_of, door_to, postgres_at
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.local import LocalSetting
from tests.support.services import ended, hosted
from tests.support.storage_server import storage_server
from tests.support.waiting import until

USER = UUID(int=0xA)
STOPPED = 20.0
"""Seconds: far less than any of the bounds that a test does not shorten."""


def reasons(host: Host) -> str:
    """Why the services are not ready. They must be alive."""
    states = host._states()
    assert not isinstance(states, str)
    assert live(states).ok
    return "; ".join(ready(states).reasons)


@pytest.mark.slow
async def test_a_database_whose_connections_go_silent(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    async with door_to(postgres_at(setting.database)) as door:
        setting.database = door.dsn(setting.database)
        setting.changes |= {"database_timeout": 1.0, "chunk_tokens": 1000}
        async with hosted(setting):
            event = await setting.import_of(exports / "large.zip")
            await until(lambda: setting.published(FACTS_EXTRACTED, 5))
            door.swallow(new=False)
            run = await ended(store, event)
    assert (run.state, run.coverage, run.chunks_dead) == ("complete", 1.0, 0), run


async def test_a_database_that_goes_silent_altogether(
    setting: LocalSetting, store: Store, exports: Path
) -> None:
    async with door_to(postgres_at(setting.database)) as door:
        setting.database = door.dsn(setting.database)
        setting.changes |= {"database_timeout": 0.5, "chunk_tokens": 1000, "import_window": 4}
        async with hosted(setting) as host:
            await setting.import_of(exports / "large.zip")
            await until(lambda: setting.published(FACTS_EXTRACTED, 5))
            door.swallow()
            await until(lambda: "the database gave no answer within 0.5 s" in reasons(host))
            began = time.monotonic()
        assert time.monotonic() - began < STOPPED


@pytest.mark.slow
async def test_a_storage_that_goes_silent(
    setting: LocalSetting, store: Store, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.store.storage._TIMEOUT", httpx2.Timeout(0.5))
    async with storage_server("key") as storage, door_to(address_of(storage.url)) as door:
        storage.objects[f"exports/{USER}/small.zip"] = (exports / "small.zip").read_bytes()
        setting.changes |= {
            "supabase_url": door.url(storage.url),
            "supabase_service_role_key": "key",
            "import_buckets": "exports",
        }
        async with hosted(setting) as host:
            door.swallow()
            event = await setting.import_of(f"exports/{USER}/small.zip", USER)
            retries = {"stage": "chunker", "fault": "transient"}
            tried = "soulprint_pool_retries_total"
            await until(lambda: bool(host.registry.get_sample_value(tried, retries)))
            door.open()
            run = await ended(store, event)
            assert (run.state, run.error) == ("complete", None), run
            door.swallow()
            await setting.import_of(f"exports/{USER}/small.zip", USER, run=2, import_id=event.import_id)
            entered = door.entered
            await until(lambda: door.entered > entered)
            began = time.monotonic()
        assert time.monotonic() - began < STOPPED


@pytest.mark.slow
async def test_a_model_that_goes_silent(
    setting: LocalSetting, store: Store, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.host.service.SILENT_SECONDS", 0.3)
    async with fake_claude(latency=0.05) as claude, door_to(address_of(claude.url)) as door:
        setting.changes |= {
            "model": "claude",
            "anthropic_api_key": "test-key",
            "anthropic_base_url": door.url(claude.url),
            "model_timeout": 1.0,
        }
        async with hosted(setting) as host:
            event = await setting.import_of(exports / "small.zip")
            await until(lambda: setting.published(FACTS_EXTRACTED, 1))
            door.swallow(new=False)
            run = await ended(store, event)
            assert (run.state, run.coverage, run.chunks_dead) == ("complete", 1.0, 0), run
            door.swallow()
            await setting.import_of(exports / "large.zip")
            await until(
                lambda: "paused (model: no answer from the model for more than 0.3 s" in reasons(host)
            )
            await until(lambda: "no answer in time from http" in reasons(host))
            began = time.monotonic()
        assert time.monotonic() - began < STOPPED
