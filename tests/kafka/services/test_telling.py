"""A chaos test that waited in vain tells what its services do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fleet import fleet
from tests.support.forking import ForkServer
from tests.support.services import Setting
from tests.support.telling import telling

TUNING = {"TUNED_SESSION_MS": "3000"}


async def test_a_failure_tells_pools_loops_and_where_each_task_waits(
    setting: Setting, tmp_path: Path, fork_server: ForkServer
) -> None:
    with fleet(setting, tmp_path, TUNING, fork_server) as services:
        services.start("writer")
        await services.ready()
        with pytest.raises(AssertionError) as told:
            async with telling(services):
                raise AssertionError("not in time")
    text = str(told.value)
    assert text.startswith("not in time\n\n=== writer: ")
    for said in (
        "PoolState(stage='writer'",
        "LoopState(started=True",
        "Pool._keep:",
        'soulprint_pool_rebalances_total{stage="writer"}',
    ):
        assert said in text
