"""A process that cannot start yet says what it waits for."""

from __future__ import annotations

import asyncio

import httpx2
from prometheus_client import CollectorRegistry

from shared.host.host import Host
from shared.host.services import opener_of
from tests.support.local import LocalSetting
from tests.support.ports import free_port
from tests.support.waiting import until


async def test_a_service_waits_for_its_database(setting: LocalSetting) -> None:
    setting.database = f"postgresql://nobody@127.0.0.1:{free_port()}/none"
    host = Host(
        {"router": opener_of("router")}, setting.settings(), CollectorRegistry(), open_log=setting.open_log
    )
    running = asyncio.create_task(host.run())
    await until(lambda: host.port != 0)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{host.port}", trust_env=False) as client:

        async def told() -> bool:
            """/readyz says what the service waits for"""
            return "waiting for the database" in (await client.get("/readyz")).text

        await until(told)
    assert not running.done()
    host.stop()
    await running
