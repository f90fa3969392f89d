"""Several replicas, killed and stopped; a small import beside a large one; services that wait."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from shared.host.host import Host
from shared.host.services import opener_of
from shared.store.store import Store
from tests.support.fleet import fleet
from tests.support.forking import ForkServer
from tests.support.local import LocalSetting
from tests.support.ports import free_port
from tests.support.services import Setting, ended, facts_of, hosted
from tests.support.waiting import until

OTHERS = ("chunker", "consolidator", "writer")
QUICKLY_MISSED = {"TUNED_SESSION_MS": "3000"}
"""How long the group waits for the one that is killed."""


@pytest.mark.slow
async def test_three_extractors_one_killed_one_stopped_and_nothing_is_lost(
    setting: Setting, store: Store, exports: Path, tmp_path: Path, fork_server: ForkServer
) -> None:
    local = LocalSetting(setting.database, setting.root, changes={"extract_workers": 0})
    async with hosted(local):
        alone = await local.import_of(exports / "large.zip")
        assert (await ended(store, alone)).state == "complete"
    setting.changes["import_window"] = 6  # so that the kill comes in the middle
    with fleet(setting, tmp_path, QUICKLY_MISSED, fork_server) as replicas:
        victim, leaver, _ = replicas.start_many("extractor", 3)
        await replicas.ready()
        async with hosted(setting, OTHERS):
            event = await setting.import_of(exports / "large.zip")
            await until(lambda: _done(store, event.import_id, 3))
            replicas.kill(victim.name)
            await until(lambda: _done(store, event.import_id, 10))
            assert await replicas.stop(leaver.name) == {leaver.name: 0}
            run = await ended(store, event)
    assert (run.state, run.coverage, run.chunks_dead) == ("complete", 1.0, 0)
    assert await facts_of(store, event.user_id) == await facts_of(store, alone.user_id)


async def _done(store: Store, import_id: UUID, count: int) -> bool:
    runs = await store.list_runs(import_id)
    return bool(runs) and runs[0].chunks_ok >= count


async def test_health_and_metrics_are_served_and_tell_of_a_service_that_waits_for_kafka(
    setting: Setting, exports: Path
) -> None:
    setting.bootstrap = f"127.0.0.1:{free_port()}"
    host = Host({"router": opener_of("router")}, setting.settings(), CollectorRegistry())
    running = asyncio.create_task(host.run())
    await until(lambda: host.port != 0)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{host.port}", trust_env=False) as client:
        assert (await client.get("/livez")).status_code == 200

        async def told() -> bool:
            """/readyz says what the service waits for"""
            answer = await client.get("/readyz")
            assert answer.status_code == 503
            return f"waiting for Kafka: {setting.bootstrap} refuses connections" in answer.text

        await until(told)
    host.stop()
    await running
