"""The metrics of pools and publishers, a label a stage. What each means: shared/metrics/services.py."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from shared.metrics import services as metrics
from shared.resilience.faults import Fault


class PoolMetrics:
    """All metrics of shared.log. One a registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.in_flight = metrics.POOL_IN_FLIGHT.register(registry)
        self.waiting = metrics.POOL_WAITING.register(registry)
        self.oldest = metrics.POOL_OLDEST_IN_FLIGHT.register(registry)
        self.watermark = metrics.POOL_WATERMARK.register(registry)
        self.highest = metrics.POOL_HIGHEST_SEEN.register(registry)
        self.lag_records = metrics.POOL_LAG_RECORDS.register(registry)
        self.lag_seconds = metrics.POOL_LAG_SECONDS.register(registry)
        self.paused = metrics.POOL_PAUSED.register(registry)
        self.records = metrics.POOL_RECORDS.register(registry)
        self.commits = metrics.POOL_COMMITS.register(registry)
        self.commit_failures = metrics.POOL_COMMIT_FAILURES.register(registry)
        self.retries = metrics.POOL_RETRIES.register(registry)
        self.dead_letters = metrics.POOL_DEAD_LETTERS.register(registry)
        self.rebalances = metrics.POOL_REBALANCES.register(registry)
        self.seconds = metrics.STAGE_SECONDS.register(registry)
        self.published = metrics.PUBLISHER_RECORDS.register(registry)
        self.producers_replaced = metrics.PUBLISHER_PRODUCERS_REPLACED.register(registry)

    def begin(self, stage: str) -> None:
        """Show a stage's counts from 0 on: what appears only with its first event cannot be alerted on."""
        for counter in (self.records, self.commits, self.commit_failures, self.rebalances):
            counter.labels(stage)
        self.retries.labels(stage, Fault.TRANSIENT.value)
