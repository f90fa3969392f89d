"""All metrics: what operations.md shows, and what alerts and dashboards may name."""

from __future__ import annotations

from shared.metrics import canary, gateway, models, replays, services
from shared.metrics.kinds import Metric

METRICS: tuple[Metric, ...] = tuple(
    found
    for room in (services, models, gateway, canary, replays)
    for found in vars(room).values()
    if isinstance(found, Metric)
)
"""All of them, in the order in which they stand there."""


def table() -> str:
    """All metrics as a table in Markdown."""
    rows = ["| metric | kind | labels | unit | meaning, and when to look |", "|---|---|---|---|---|"]
    for metric in METRICS:
        labels = ", ".join(metric.labels)
        said = f"{metric.meaning} {metric.advice}".rstrip()
        rows.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.unit} | {said} |")
    return "\n".join(rows) + "\n"
