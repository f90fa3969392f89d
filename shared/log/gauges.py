"""Shows the state of a pool in its gauges, and no longer what is gone: lost partitions, holds released."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import Gauge

from shared.log.health import PoolState
from shared.log.metrics import PoolMetrics

Labels = tuple[str, ...]
"""The labels of one value of a gauge, after its stage."""


class Gauges:
    """The gauges of one pool."""

    def __init__(self, metrics: PoolMetrics) -> None:
        self._metrics = metrics
        self._shown: dict[Gauge, set[Labels]] = {}

    def show(self, state: PoolState) -> None:
        """Bring every gauge up to date."""
        metrics, stage = self._metrics, state.stage
        metrics.in_flight.labels(stage).set(state.in_flight)
        metrics.waiting.labels(stage).set(state.waiting)
        metrics.oldest.labels(stage).set(state.oldest_in_flight)
        metrics.lag_records.labels(stage).set(state.lag_records)
        metrics.lag_seconds.labels(stage).set(state.lag_seconds)
        self._set_all(metrics.paused, stage, {(hold,): 1.0 for hold in state.holds})
        watermarks: dict[Labels, float] = {}
        highest: dict[Labels, float] = {}
        for p in state.partitions:
            if p.watermark is not None and p.highest is not None:
                watermarks[p.topic, str(p.partition)] = p.watermark
                highest[p.topic, str(p.partition)] = p.highest
        self._set_all(metrics.watermark, stage, watermarks)
        self._set_all(metrics.highest, stage, highest)

    def _set_all(self, gauge: Gauge, stage: str, values: Mapping[Labels, float]) -> None:
        for labels in self._shown.get(gauge, set()) - values.keys():
            gauge.remove(stage, *labels)
        for labels, value in values.items():
            gauge.labels(stage, *labels).set(value)
        self._shown[gauge] = set(values)
