"""The metrics of consumer pools: each with its unit and its meaning. One set a registry, a label a stage."""

from __future__ import annotations

from functools import cache

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from shared.resilience.faults import Fault

STAGE_SECONDS_BUCKETS = (0.005, 0.02, 0.1, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600)
"""Upper bounds in seconds: from a database call to a model call at its limit."""


class PoolMetrics:
    """All metrics of shared.log in one registry. Get it from `pool_metrics`, which makes it once."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.in_flight = Gauge(
            "soulprint_pool_in_flight", "Records the stage works on now.", ["stage"], registry=registry
        )
        self.waiting = Gauge(
            "soulprint_pool_waiting", "Records taken from Kafka and not begun.", ["stage"], registry=registry
        )
        self.oldest = Gauge(
            "soulprint_pool_oldest_in_flight_seconds",
            "Age of the work begun first and not finished.",
            ["stage"],
            registry=registry,
        )
        self.watermark = Gauge(
            "soulprint_pool_watermark",
            "Offset below which all is done.",
            ["stage", "topic", "partition"],
            registry=registry,
        )
        self.highest = Gauge(
            "soulprint_pool_highest_seen",
            "Highest offset taken.",
            ["stage", "topic", "partition"],
            registry=registry,
        )
        self.lag_records = Gauge(
            "soulprint_pool_lag_records",
            "Records on the held partitions above their watermarks.",
            ["stage"],
            registry=registry,
        )
        self.lag_seconds = Gauge(
            "soulprint_pool_lag_seconds",
            "Age of the oldest record taken and not done.",
            ["stage"],
            registry=registry,
        )
        self.paused = Gauge(
            "soulprint_pool_paused",
            "1 while the lane is held for this cause.",
            ["stage", "hold"],
            registry=registry,
        )
        self.records = Counter(
            "soulprint_pool_records", "Records done, dead letters included.", ["stage"], registry=registry
        )
        self.commits = Counter(
            "soulprint_pool_commits", "Commits of watermarks that Kafka took.", ["stage"], registry=registry
        )
        self.commit_failures = Counter(
            "soulprint_pool_commit_failures",
            "Commits that failed or timed out.",
            ["stage"],
            registry=registry,
        )
        self.retries = Counter(
            "soulprint_pool_retries",
            "Attempts that failed and are repeated.",
            ["stage", "fault"],
            registry=registry,
        )
        self.dead_letters = Counter(
            "soulprint_pool_dead_letters", "Records set aside.", ["stage", "reason"], registry=registry
        )
        self.rebalances = Counter(
            "soulprint_pool_rebalances", "Assignments of partitions.", ["stage"], registry=registry
        )
        self.seconds = Histogram(
            "soulprint_stage_seconds",
            "Duration of one attempt of a stage, a record or a batch.",
            ["stage", "outcome"],
            buckets=STAGE_SECONDS_BUCKETS,
            registry=registry,
        )
        self.producers_replaced = Counter(
            "soulprint_publisher_producers_replaced", "Broken producers replaced.", [], registry=registry
        )
        self.published = Counter(
            "soulprint_publisher_records", "Records that Kafka acknowledged.", ["topic"], registry=registry
        )

    def begin(self, stage: str) -> None:
        """Show a stage's counts from 0 on: what appears only with its first event cannot be alerted on."""
        for counter in (self.records, self.commits, self.commit_failures, self.rebalances):
            counter.labels(stage)
        self.retries.labels(stage, Fault.TRANSIENT.value)


@cache
def pool_metrics(registry: CollectorRegistry = REGISTRY) -> PoolMetrics:
    """The metrics of a registry, made at the first call."""
    return PoolMetrics(registry)
