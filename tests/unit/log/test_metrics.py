from __future__ import annotations

import re
from pathlib import Path

from shared.log.metrics import STAGE_SECONDS_BUCKETS
from tests.support.metrics import all_metrics

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"
_NAME = re.compile(r"`(soulprint_[a-z_]+)`")


def test_operations_md_lists_every_metric_with_its_labels_and_no_other() -> None:
    served = {
        metric.name + "_total" * (metric.kind == "counter"): ", ".join(metric.labels)
        for metric in all_metrics()
    }
    rows = [
        line.split("|")[1:3] for line in OPERATIONS.read_text("utf-8").splitlines() if "| `soulprint" in line
    ]
    listed = {name: labels.strip() for names, labels in rows for name in _NAME.findall(names)}
    assert listed == served


def test_stage_durations_reach_the_longest_model_call() -> None:
    assert STAGE_SECONDS_BUCKETS[-1] == 600
    assert list(STAGE_SECONDS_BUCKETS) == sorted(STAGE_SECONDS_BUCKETS)
