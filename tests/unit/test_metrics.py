"""One table names every metric: what a process shows and what docs speak of is in it."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from shared.host.health import health_server
from shared.host.service import ServiceMetrics
from shared.log.metrics import PoolMetrics
from shared.metrics.services import STAGE_SECONDS
from shared.metrics.table import METRICS, table

ROOT = Path(__file__).parents[2]
ASKS_FOR_OPENMETRICS = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3"
_NAME = re.compile(r"\bsoulprint_[a-z_]+")


def names_of_the_database() -> set[str]:
    """What else pages speak of that begins so: roles, tables, columns, policies; and a field of the app's."""
    files = [*(ROOT / "supabase" / "migrations").glob("*.sql"), *(ROOT / "shared" / "postgres").glob("*.py")]
    return {"soulprint_ready"}.union(*(_NAME.findall(file.read_text("utf-8")) for file in files))


def new_process() -> CollectorRegistry:
    """All that a process counts with, and a first value of some."""
    registry = CollectorRegistry()
    pool, services = PoolMetrics(registry), ServiceMetrics.of(registry)
    pool.begin("writer")
    pool.seconds.labels("writer", "ok").observe(0.1)
    services.redrives.labels("import").inc()
    return registry


def test_operations_md_holds_the_table_and_no_other_metric() -> None:
    text = (ROOT / "docs" / "operations.md").read_text("utf-8")
    assert table() in text, "put there what `python -m shared.metrics` prints"
    assert text.count("| `soulprint_") == len(METRICS)


def test_docs_speak_of_metrics_by_their_whole_names() -> None:
    known = {metric.name for metric in METRICS} | names_of_the_database()
    for path in (ROOT / "docs").glob("*.md"):
        assert set(re.findall(r"`(soulprint_[a-z_]+)`", path.read_text("utf-8"))) <= known, path.name


def test_a_metric_is_named_once_and_as_is_the_custom() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names) > 20
    for metric in METRICS:
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert metric.name.endswith("_seconds") == (metric.unit == "seconds"), metric.name
        assert metric.meaning.endswith("."), metric.name
        assert not {"user", "user_id", "import_id"} & set(metric.labels), metric.name


def test_a_process_shows_every_metric_of_the_table_and_no_other() -> None:
    assert sorted((f.name, f.type, f.documentation) for f in new_process().collect()) == sorted(
        (m.name.removesuffix("_total"), m.kind, m.meaning) for m in METRICS
    )


def test_stage_durations_reach_the_longest_model_call() -> None:
    assert STAGE_SECONDS.buckets[-1] == 600
    assert list(STAGE_SECONDS.buckets) == sorted(STAGE_SECONDS.buckets)


async def test_a_scrape_is_openmetrics_for_who_asks_and_without_times_of_creation() -> None:
    async with (
        health_server("127.0.0.1", 0, lambda: "starting", new_process()) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        usual = await client.get("/metrics")
        asked = await client.get("/metrics", headers={"accept": ASKS_FOR_OPENMETRICS})
    assert usual.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert asked.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert asked.text.endswith("# EOF\n")
    families = {family.name: family for family in openmetrics(asked.text)}
    assert families["soulprint_pool_lag_seconds"].unit == "seconds"
    assert families["soulprint_redrives"].samples[0].value == 1.0
    for text, parse in ((usual.text, plain), (asked.text, openmetrics)):
        assert not [s.name for family in parse(text) for s in family.samples if s.name.endswith("_created")]
