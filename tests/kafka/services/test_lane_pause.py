"""A provider that refuses every call for longer than the poll interval: extractors keep their places."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from shared.pipelines import CHUNKS_READY, FACTS_EXTRACTED
from shared.store.store import Store
from tests.support.fake_claude.fixtures import fake_claude
from tests.support.fleet import Member, fleet
from tests.support.forking import ForkServer
from tests.support.replica import members
from tests.support.services import Setting, ended, hosted, reasons
from tests.support.waiting import until

OTHERS = ("router", "chunker", "consolidator", "writer")
MAX_POLL = 1.0
IMPATIENT = {"TUNED_SESSION_MS": "6000", "TUNED_MAX_POLL_MS": str(int(MAX_POLL * 1000))}


@pytest.mark.slow
async def test_extractors_whose_key_is_refused_for_longer_than_the_poll_interval_go_on_by_themselves(
    setting: Setting, store: Store, exports: Path, tmp_path: Path, fork_server: ForkServer
) -> None:
    async with fake_claude(api_key="the one that is paid for") as claude:
        setting.changes |= {
            "model": "claude", "anthropic_base_url": claude.url, "anthropic_api_key": "test-key",
            "chunk_tokens": 1000, "import_window": 16,
        }  # fmt: skip
        group = setting.group("extractor")
        with fleet(setting, tmp_path, IMPATIENT, fork_server) as services:
            replicas = services.start_many("extractor", 2)
            await services.ready()
            async with hosted(setting, OTHERS):
                event = await setting.import_of(exports / "small.zip")
                await until(lambda: _all(replicas, 'paused{hold="faults",stage="extractor"}', 1.0))
                before = sorted(await members(setting.bootstrap, group)), await _rebalances(replicas)
                await asyncio.sleep(2 * MAX_POLL)  # the length of the outage, not a wait for something
                after = sorted(await members(setting.bootstrap, group)), await _rebalances(replicas)
                assert await _all(replicas, 'paused{hold="faults",stage="extractor"}', 1.0)
                assert [await _status(replica, "/livez") for replica in replicas] == [200, 200]
                assert [await _status(replica, "/readyz") for replica in replicas] == [503, 503]
                assert await setting.count(FACTS_EXTRACTED) == 0
                claude.api_key = "test-key"
                run = await ended(store, event)
            assert await _rebalances(replicas) == after[1]
            assert set((await services.stop()).values()) == {0}
    assert after == before
    assert len(before[0]) == 2
    assert (run.state, run.coverage, run.chunks_dead) == ("complete", 1.0, 0)
    assert run.chunks_ok == run.chunks_total
    assert await reasons(setting, CHUNKS_READY) == []


async def _status(replica: Member, page: str) -> int:
    return (await asyncio.to_thread(replica.page, page))[0]


async def _value(replica: Member, metric: str) -> float:
    """The value of a metric of the pool's with its labels, 0 if it has none."""
    _, text = await asyncio.to_thread(replica.page, "/metrics")
    found = re.search(rf"^soulprint_pool_{re.escape(metric)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


async def _all(replicas: list[Member], metric: str, value: float) -> bool:
    """Whether a metric has this value everywhere."""
    return [await _value(replica, metric) for replica in replicas] == [value] * len(replicas)


async def _rebalances(replicas: list[Member]) -> list[float]:
    return [await _value(replica, 'rebalances_total{stage="extractor"}') for replica in replicas]
