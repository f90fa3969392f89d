"""Metrics of replays."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Gauge

from shared.metrics.replays import REPLAY_DOLLARS, REPLAY_ITEMS, REPLAY_STILL, REPLAYS
from shared.store.replaying import ReplayFigures


@dataclass(frozen=True, slots=True)
class ReplayMetrics:
    """Gauges of the process that drives."""

    replays: Gauge
    items: Gauge
    still: Gauge
    dollars: Gauge

    @classmethod
    def of(cls, registry: CollectorRegistry) -> ReplayMetrics:
        return cls(
            REPLAYS.register(registry),
            REPLAY_ITEMS.register(registry),
            REPLAY_STILL.register(registry),
            REPLAY_DOLLARS.register(registry),
        )

    def clear(self) -> None:
        """Show nothing: another process drives."""
        self.replays.clear()
        self.items.clear()
        self.still.set(0)
        self.dollars.set(0)

    def show(self, figures: ReplayFigures) -> None:
        """Show these."""
        self.clear()
        for state, count in {"running": figures.running, **figures.paused}.items():
            self.replays.labels(state).set(count)
        for state, count in figures.items.items():
            self.items.labels(state).set(count)
        self.still.set(figures.still_seconds)
        self.dollars.set(figures.spent)
