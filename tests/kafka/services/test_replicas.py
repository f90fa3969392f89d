"""Several replicas, killed and stopped; a small import beside a large one; services that wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import httpx
from prometheus_client import CollectorRegistry

from services.extractor.app import extractor
from shared.domain.events import ChunkReady
from shared.host.host import Host
from shared.host.service import Kit, Service
from shared.host.services import opener_of
from shared.models.base import Extraction
from shared.models.rules.model import OfflineModel
from shared.pipelines import CHUNKS_READY
from shared.store.store import Store
from tests.support.fleet import fleet
from tests.support.forking import ForkServer
from tests.support.kafka import free_port
from tests.support.services import Setting, ended, facts_of, hosted
from tests.support.waiting import until

OTHERS = ("chunker", "consolidator", "writer")


async def test_three_extractors_one_killed_one_stopped_and_nothing_is_lost(
    setting: Setting, store: Store, exports: Path, tmp_path: Path, fork_server: ForkServer
) -> None:
    async with hosted(setting):
        alone = await setting.import_of(exports / "large.zip")
        assert (await ended(store, alone)).state == "complete"
    setting.changes["import_window"] = 6  # so that the kill comes in the middle
    with fleet(setting, tmp_path, fork_server=fork_server) as replicas:
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


class Slow(OfflineModel):
    """Takes its time, as a model does."""

    async def extract(self, chunk: ChunkReady) -> Extraction:
        await asyncio.sleep(0.1)
        return await super().extract(chunk)


@asynccontextmanager
async def slow(kit: Kit) -> AsyncIterator[Service]:
    yield extractor(kit, Slow())


async def test_a_small_import_does_not_wait_for_a_large_one(
    setting: Setting, store: Store, exports: Path
) -> None:
    setting.changes["import_window"] = 8
    async with hosted(setting, extractor=slow):
        large = await setting.import_of(exports / "large.zip")
        await until(lambda: setting.published(CHUNKS_READY, 8))
        small = await setting.import_of(exports / "small.zip")
        assert (await ended(store, small)).state == "complete"
        (run,) = await store.list_runs(large.import_id)
        assert not run.ended, "the small import waited for the large one"
        assert (await ended(store, large)).state == "complete"


async def test_health_and_metrics_are_served_and_tell_of_a_service_that_waits_for_kafka(
    setting: Setting, exports: Path
) -> None:
    setting.bootstrap = f"127.0.0.1:{free_port()}"
    host = Host({"router": opener_of("router")}, setting.settings(), CollectorRegistry())
    running = asyncio.create_task(host.run())
    await until(lambda: host.port != 0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{host.port}", trust_env=False) as client:
        assert (await client.get("/livez")).status_code == 200

        async def told() -> bool:
            """/readyz says what the service waits for"""
            answer = await client.get("/readyz")
            assert answer.status_code == 503
            return f"waiting for Kafka: {setting.bootstrap} refuses connections" in answer.text

        await until(told)
    host.stop()
    await running


async def test_a_service_waits_for_its_database(setting: Setting) -> None:
    setting.database = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    host = Host({"router": opener_of("router")}, setting.settings(), CollectorRegistry())
    running = asyncio.create_task(host.run())
    await until(lambda: host.port != 0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{host.port}", trust_env=False) as client:

        async def told() -> bool:
            """/readyz says what the service waits for"""
            return "waiting for the database" in (await client.get("/readyz")).text

        await until(told)
    assert not running.done()
    host.stop()
    await running
