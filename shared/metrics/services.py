"""What pools, publishers and services count."""

from __future__ import annotations

from shared.metrics.kinds import CounterMetric, GaugeMetric, HistogramMetric

# The consumer pool of a stage

_OF_STAGE = ("stage",)
_OF_PARTITION = ("stage", "topic", "partition")

POOL_IN_FLIGHT = GaugeMetric(
    "soulprint_pool_in_flight",
    _OF_STAGE,
    "records",
    "Records the stage works on now.",
    "The extractor's at its ceiling: add replicas.",
)
POOL_WAITING = GaugeMetric(
    "soulprint_pool_waiting", _OF_STAGE, "records", "Records taken from the log and not begun."
)
POOL_OLDEST_IN_FLIGHT = GaugeMetric(
    "soulprint_pool_oldest_in_flight_seconds",
    _OF_STAGE,
    "seconds",
    "Age of the work begun first and not finished.",
    "Minutes in the extractor: a slow provider.",
)
POOL_WATERMARK = GaugeMetric(
    "soulprint_pool_watermark",
    _OF_PARTITION,
    "offset",
    "Offset below which all is done.",
    "Must move while there is lag.",
)
POOL_HIGHEST_SEEN = GaugeMetric(
    "soulprint_pool_highest_seen",
    _OF_PARTITION,
    "offset",
    "Highest offset taken.",
    "Far above the watermark: one record holds it up.",
)
POOL_LAG_RECORDS = GaugeMetric(
    "soulprint_pool_lag_records",
    _OF_STAGE,
    "records",
    "Records on the held partitions above their watermarks.",
)
POOL_LAG_SECONDS = GaugeMetric(
    "soulprint_pool_lag_seconds",
    _OF_STAGE,
    "seconds",
    "Age of the oldest live record taken and not done.",
    "Alert on this one.",
)
POOL_PAUSED = GaugeMetric(
    "soulprint_pool_paused",
    ("stage", "hold"),
    "bool",
    "1 while the lane is held for this cause.",
    "`faults`, `kafka`, `rights` or `dead letters`. Alert after minutes.",
)
POOL_RECORDS = CounterMetric(
    "soulprint_pool_records_total", _OF_STAGE, "records", "Records done, dead letters included."
)
POOL_COMMITS = CounterMetric(
    "soulprint_pool_commits_total", _OF_STAGE, "commits", "Commits of watermarks that Kafka took."
)
POOL_COMMIT_FAILURES = CounterMetric(
    "soulprint_pool_commit_failures_total",
    _OF_STAGE,
    "commits",
    "Commits that failed or timed out.",
    "Harmless alone; without commits they are not.",
)
POOL_RETRIES = CounterMetric(
    "soulprint_pool_retries_total", ("stage", "fault"), "attempts", "Attempts that failed and are repeated."
)
POOL_DEAD_LETTERS = CounterMetric(
    "soulprint_pool_dead_letters_total", ("stage", "reason"), "records", "Records set aside.", "Alert on any."
)
POOL_REBALANCES = CounterMetric(
    "soulprint_pool_rebalances_total",
    _OF_STAGE,
    "assignments",
    "Assignments of partitions.",
    "Rising without deployments: replicas are dying.",
)
STAGE_SECONDS = HistogramMetric(
    "soulprint_stage_seconds",
    ("stage", "outcome"),
    "seconds",
    "Duration of one attempt of a stage, a record or a batch.",
    # From a database call to a model call at its limit.
    buckets=(0.005, 0.02, 0.1, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600),
)

# The publisher

PUBLISHER_RECORDS = CounterMetric(
    "soulprint_publisher_records_total", ("topic",), "records", "Records that Kafka acknowledged."
)
PUBLISHER_PRODUCERS_REPLACED = CounterMetric(
    "soulprint_publisher_producers_replaced_total",
    (),
    "producers",
    "Broken producers replaced.",
    "Kafka was away.",
)

# The services

EVENTS_IGNORED = CounterMetric(
    "soulprint_events_ignored_total",
    ("stage", "reason"),
    "events",
    "Events with nothing left to do: of ended or older runs, or repeated.",
    "`repeated`, `older`, `cancelled`, `finished`, `extracted`, ...",
)
REDRIVES = CounterMetric(
    "soulprint_redrives_total",
    ("action",),
    "runs",
    "Runs that stood still and were driven again by the sweeper.",
    "`import`, `consolidate`, `publish`. Rising without outages: events are lost.",
)

DEAD_LETTERS_OPEN = GaugeMetric(
    "soulprint_dead_letters_open",
    ("topic", "reason"),
    "letters",
    "Dead letters about which nobody has done anything, by the topic of their record.",
    "Only the consolidator that reads dead-letter topics shows it. Alert on any that stays; "
    "`soulprint dead list --open`.",
)
CALLBACKS = CounterMetric(
    "soulprint_callbacks_total",
    ("kind", "outcome"),
    "calls",
    "Calls of the app that tell it of an import, by what became of them.",
    (
        "`sent`; `again`, of which each is tried 5 times; `refused`, `given_up`: the person was not told; "
        "`unknown`: they may have been. Alert on `refused` and `given_up`."
    ),
)

PREDECESSOR_CALLS = CounterMetric(
    "soulprint_predecessor_calls_total",
    ("outcome",),
    "calls",
    "Imports that the v1 backend was called for, by what became of the call, and then of the import.",
    (
        "`accepted`, or `unknown`: it may be at work on it; `again`, of which each is tried 3 times; "
        "`refused`; then `complete`, `failed`, `late` (no end within 2 hours). Alert on `refused` and `late`."
    ),
)
