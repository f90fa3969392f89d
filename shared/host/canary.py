"""Metrics of where imports go."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.metrics.canary import (
    CANARY_CHANGES,
    CANARY_CHECKS,
    CANARY_FROZEN,
    CANARY_SHARE,
    CANARY_STEP,
    CANARY_STUCK,
    CANARY_VERDICT,
    ROUTING_DECISIONS,
)


@dataclass(frozen=True, slots=True)
class CanaryMetrics:
    """Counters of each process that decides; gauges of the one that judges."""

    decisions: Counter
    checks: Counter
    changes: Counter
    share: Gauge
    step: Gauge
    frozen: Gauge
    verdict: Gauge
    stuck: Gauge

    @classmethod
    def of(cls, registry: CollectorRegistry) -> CanaryMetrics:
        return cls(
            ROUTING_DECISIONS.register(registry),
            CANARY_CHECKS.register(registry),
            CANARY_CHANGES.register(registry),
            CANARY_SHARE.register(registry),
            CANARY_STEP.register(registry),
            CANARY_FROZEN.register(registry),
            CANARY_VERDICT.register(registry),
            CANARY_STUCK.register(registry),
        )

    def clear(self) -> None:
        """Show nothing of the lanes: another process does, and what it shows may be another thing."""
        for gauge in (self.share, self.step, self.frozen, self.verdict, self.stuck):
            gauge.clear()
