"""What a running process tells of itself: every metric, and logs that say whose and which."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prometheus_client.parser import text_string_to_metric_families

from shared.pipelines import CHUNKS_READY, places_of
from shared.pipelines import READERS as WITH_TOPIC
from shared.store.store import Store
from tests.support.fleet import fleet
from tests.support.forking import ForkServer
from tests.support.services import Setting, ended
from tests.support.storage_server import storage_server
from tests.support.waiting import until

USER = UUID(int=0xA)
READERS = {"chunker", "extractor", "consolidator", "writer"}
STAGES = {each.label for each in places_of(WITH_TOPIC, "v2")}


class Page:
    """A scrape of /metrics."""

    def __init__(self, text: str) -> None:
        self._samples = [s for family in text_string_to_metric_families(text) for s in family.samples]

    def of(self, name: str, **labels: str) -> list[float]:
        return [s.value for s in self._samples if s.name == name and labels.items() <= s.labels.items()]

    def one(self, name: str, **labels: str) -> float:
        (value,) = self.of(name, **labels)
        return value

    def stages(self, name: str) -> set[str]:
        return {s.labels["stage"] for s in self._samples if s.name == name}


@pytest.mark.slow
async def test_a_process_shows_every_metric_and_logs_whose_and_which(
    setting: Setting, store: Store, exports: Path, tmp_path: Path, fork_server: ForkServer
) -> None:
    """An import whose first download fails, and a record that cannot be read."""
    async with storage_server("key") as storage:
        storage.objects[f"exports/{USER}/small.zip"] = (exports / "small.zip").read_bytes()
        setting.changes |= {"supabase_url": storage.url, "supabase_service_role_key": "key"}
        with fleet(setting, tmp_path, fork_server=fork_server) as services:
            process = services.start("up")
            await services.ready()
            storage.fails = 1  # from here on: at its start the gateway looks for keys there
            await setting.send_raw(CHUNKS_READY, b"not an event")
            run = await ended(store, await setting.import_of(f"exports/{USER}/small.zip", USER))
            assert (run.state, run.coverage) == ("complete", 1.0), run
            pages: list[Page] = []

            async def settled() -> bool:
                """all is committed and shown"""
                _, text = await asyncio.to_thread(process.page, "/metrics")
                pages.append(page := Page(text))
                done = sum(page.of("soulprint_pool_records_total", stage="extractor"))
                marks = sum(page.of("soulprint_pool_watermark", stage="extractor"))
                committed = all(page.of("soulprint_pool_commits_total", stage=s) != [0.0] for s in READERS)
                shown = page.stages("soulprint_pool_lag_seconds") == STAGES
                return done == marks == (run.chunks_total or 0) + 1 and committed and shown

            await until(settled)
            for path in ("/livez", "/readyz"):
                status, verdict = await asyncio.to_thread(process.page, path)
                assert (status, json.loads(verdict)) == (200, {"ok": True, "reasons": []})
            log = services.log("up", 10**7)
            assert await services.stop() == {"up": 0}
    _every_metric_is_plausible(pages[-1], run.chunks_total or 0)
    _lines_say_whose_and_which([json.loads(line) for line in log.splitlines()], str(run.import_id))


def _every_metric_is_plausible(page: Page, chunks: int) -> None:
    for depth in ("in_flight", "waiting", "oldest_in_flight_seconds", "lag_records", "lag_seconds"):
        assert page.stages(f"soulprint_pool_{depth}") == STAGES
        assert page.one(f"soulprint_pool_{depth}", stage="extractor") == 0.0, depth
    assert sum(page.of("soulprint_pool_highest_seen", stage="extractor")) + len(
        page.of("soulprint_pool_highest_seen", stage="extractor")
    ) == sum(page.of("soulprint_pool_watermark", stage="extractor"))
    assert page.stages("soulprint_pool_commits_total") == STAGES
    assert page.stages("soulprint_pool_commit_failures_total") == STAGES
    assert page.one("soulprint_pool_commit_failures_total", stage="extractor") == 0.0
    assert page.one("soulprint_pool_retries_total", stage="chunker", fault="transient") == 1.0
    assert page.one("soulprint_pool_retries_total", stage="writer", fault="transient") == 0.0
    letters = page.of("soulprint_pool_dead_letters_total", stage="extractor", reason="missing_header")
    assert letters == [1.0]
    assert page.one("soulprint_pool_records_total", stage="writer") == 1.0
    assert page.one("soulprint_pool_rebalances_total", stage="extractor") >= 1.0
    assert page.one("soulprint_stage_seconds_count", stage="extractor", outcome="ok") == chunks
    assert page.one("soulprint_stage_seconds_count", stage="chunker", outcome="error") == 1.0
    assert page.one("soulprint_stage_seconds_bucket", stage="writer", outcome="ok", le="600.0") == 1.0
    assert 0.0 < page.one("soulprint_stage_seconds_sum", stage="writer", outcome="ok") < 60.0
    assert sum(page.of("soulprint_publisher_records_total")) >= 2 * chunks + 2
    assert page.one("soulprint_publisher_producers_replaced_total") == 0.0
    assert page.of("soulprint_pool_paused") == []


def _lines_say_whose_and_which(lines: list[dict[str, Any]], import_id: str) -> None:
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
    whose = {"user_id": str(USER), "import_id": import_id, "run": 1}
    (failed,) = [line for line in lines if line["event"] == "attempt failed"]
    assert failed.items() >= {**whose, "stage": "chunker", "attempt": 1, "error": "TransientError"}.items()
    for event in ("chunked", "memory published"):
        (line,) = [line for line in lines if line["event"] == event]
        assert line.items() >= whose.items()
    (dead,) = [line for line in lines if line["event"] == "record set aside"]
    assert dead.items() >= {"level": "error", "step": "extractor", "attempt": 0, "user_id": None}.items()
    assert "ce_specversion" in dead["error"]
    for line in lines:
        if line["level"] == "error":
            assert {"user_id", "step", "error"} <= line.keys(), line
