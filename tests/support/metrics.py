"""Every metric that a service process can show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry

from shared.host.service import ServiceMetrics
from shared.log.metrics import PoolMetrics


@dataclass(frozen=True)
class Shown:
    """A metric: its name without a counter's `_total`, its type, its labels."""

    name: str
    kind: str
    labels: tuple[str, ...]


def all_metrics() -> list[Shown]:
    """The metrics of a new process."""
    registry = CollectorRegistry()
    pool, rest = PoolMetrics(registry), ServiceMetrics.of(registry)
    kept: dict[str, Any] = {m._name: m for m in (*vars(pool).values(), rest.ignored, rest.redrives)}
    # A metric that is made at each scrape carries its labels itself.
    return [
        Shown(family.name, family.type, tuple(kept.get(family.name, family)._labelnames))
        for family in registry.collect()
    ]
