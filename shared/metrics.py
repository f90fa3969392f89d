"""Every metric that a process shows: its name, labels, unit and meaning.

The one place where a metric is named. What counts makes its objects from here, for a registry; the table in
docs/operations.md is `python -m shared.metrics`; alerts and dashboards in deploy/ may name no other.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import ClassVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily


@dataclass(frozen=True, slots=True)
class Metric:
    """What is said of a metric, of whatever kind."""

    kind: ClassVar[str]
    name: str
    """As Prometheus shows it: a counter's ends in `_total`."""
    labels: tuple[str, ...]
    unit: str
    """What one is: `seconds`, `records`. Of a gauge that is 0 or 1: `bool`."""
    meaning: str
    """One sentence, the help text of a scrape."""
    advice: str = ""
    """For who watches: the values of a label, when to look, what to do."""

    @property
    def _unit_in_name(self) -> str:
        """The unit where the name has it: Prometheus would append any other to the name."""
        return self.unit if self.name.removesuffix("_total").endswith(f"_{self.unit}") else ""


@dataclass(frozen=True, slots=True)
class CounterMetric(Metric):
    """Only rises, from 0 at the start of the process."""

    kind: ClassVar[str] = "counter"

    def register(self, registry: CollectorRegistry) -> Counter:
        """A new counter. A registry takes each metric once."""
        return Counter(self.name, self.meaning, self.labels, unit=self._unit_in_name, registry=registry)

    def family(self) -> CounterMetricFamily:
        """One scrape's values, for what is read when Prometheus asks."""
        return CounterMetricFamily(self.name, self.meaning, labels=self.labels, unit=self._unit_in_name)


@dataclass(frozen=True, slots=True)
class GaugeMetric(Metric):
    """How it is now."""

    kind: ClassVar[str] = "gauge"

    def register(self, registry: CollectorRegistry) -> Gauge:
        """A new gauge. A registry takes each metric once."""
        return Gauge(self.name, self.meaning, self.labels, unit=self._unit_in_name, registry=registry)

    def family(self) -> GaugeMetricFamily:
        """One scrape's values, for what is read when Prometheus asks."""
        return GaugeMetricFamily(self.name, self.meaning, labels=self.labels, unit=self._unit_in_name)


@dataclass(frozen=True, slots=True)
class HistogramMetric(Metric):
    """How often a measure was at most so large: `_bucket`, `_sum` and `_count`."""

    kind: ClassVar[str] = "histogram"
    buckets: tuple[float, ...] = ()
    """Upper bounds in its unit, rising."""

    def register(self, registry: CollectorRegistry) -> Histogram:
        """A new histogram. A registry takes each metric once."""
        return Histogram(
            self.name,
            self.meaning,
            self.labels,
            unit=self._unit_in_name,
            buckets=self.buckets,
            registry=registry,
        )


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
    "Age of the oldest record taken and not done.",
    "Alert on this one.",
)
POOL_PAUSED = GaugeMetric(
    "soulprint_pool_paused",
    ("stage", "hold"),
    "bool",
    "1 while the lane is held for this cause.",
    "`faults`, `kafka` or `dead letters`. Alert after minutes.",
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

# Models at a provider. No label names a user.

_OF_MODEL = ("stage", "model")

MODEL_CALLS = CounterMetric(
    "soulprint_model_calls_total",
    (*_OF_MODEL, "outcome"),
    "calls",
    "Calls of the model, trials included, by how they ended.",
    (
        "`ok`, `cut`, `declined`, `rate_limited`, `overloaded`, `server_error`, `timeout`, `dropped`, "
        "`garbled`, `unreachable`, `refused`, `too_long`, `unusable` (key, credit, model name, address)."
    ),
)
MODEL_TOKENS = CounterMetric(
    "soulprint_model_tokens_total",
    (*_OF_MODEL, "kind"),
    "tokens",
    "Tokens that replies say they took.",
    "`input`, `output`, `cache_read`, `cache_write`.",
)
MODEL_COST = CounterMetric(
    "soulprint_model_cost_dollars_total", _OF_MODEL, "dollars", "What calls cost; absent without a price."
)
MODEL_UNANSWERED = CounterMetric(
    "soulprint_model_unanswered_total",
    _OF_MODEL,
    "calls",
    "Calls whose reply never came whole: what they cost is not known.",
)
MODEL_CALLS_IN_FLIGHT = GaugeMetric(
    "soulprint_model_calls_in_flight", _OF_MODEL, "calls", "Calls in flight now."
)
MODEL_CALLS_LIMIT = GaugeMetric(
    "soulprint_model_calls_limit",
    _OF_MODEL,
    "calls",
    "Calls that may be in flight.",
    "Below `FACT_EXTRACTION_CONCURRENCY` after a 429 or 529.",
)
MODEL_PAUSED = GaugeMetric(
    "soulprint_model_paused",
    _OF_MODEL,
    "bool",
    "1 while no calls are made but trials.",
    "The consolidator's: facts are recorded, but MEMORY and sections wait. Alert after minutes.",
)

# Embeddings of passages, by the writer

EMBEDDING_CALLS = CounterMetric(
    "soulprint_embedding_calls_total",
    ("model", "outcome"),
    "calls",
    "Calls for embeddings, trials included, by how they ended.",
    (
        "`ok`, `rate_limited`, `server_error`, `timeout`, `dropped`, `garbled`, `unreachable`, `refused`, "
        "`too_long`, `unusable` (key, credit, model name, address)."
    ),
)
EMBEDDING_TOKENS = CounterMetric(
    "soulprint_embedding_tokens_total", ("model",), "tokens", "Tokens that answers say they took."
)
EMBEDDING_COST = CounterMetric(
    "soulprint_embedding_cost_dollars_total",
    ("model",),
    "dollars",
    "What embeddings cost; absent without a price.",
)
EMBEDDING_PASSAGES = CounterMetric(
    "soulprint_embedding_passages_total",
    ("outcome",),
    "passages",
    "Passages that were embedded, or are not.",
    "`embedded`, `refused` (by the server, too), `changed` (meanwhile: asked again).",
)
EMBEDDINGS_LACKING = GaugeMetric(
    "soulprint_embeddings_lacking",
    (),
    "passages",
    "Passages without an embedding, as last counted.",
    "Must fall while it is not 0. The app's chat finds none of them.",
)
EMBEDDING_PAUSED = GaugeMetric(
    "soulprint_embedding_paused",
    (),
    "bool",
    "1 while no passages are embedded, but for trials.",
    "Memories are served all the same. `soulprint status` says why.",
)

# The gateway. No label names a user, or a path that a client made up.

HTTP_REQUESTS = CounterMetric(
    "soulprint_http_requests_total",
    ("route", "method", "status"),
    "requests",
    "Requests that were answered, by route and by the class of the answer.",
    (
        "`route`: as in docs/gateway.md; `proxied`: the predecessor's; `none`: refused before it was routed. "
        "`status`: `2xx` to `5xx`; `gone`: the client left before. Alert on `5xx`."
    ),
)
HTTP_SECONDS = HistogramMetric(
    "soulprint_http_seconds",
    ("route", "method"),
    "seconds",
    "From a request to the beginning of its answer.",
    "Those of uploads and of `proxied` are as long as their bodies and their backend take.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120, 300),
)
HTTP_STREAMS = GaugeMetric(
    "soulprint_http_streams",
    (),
    "streams",
    "Open streams of progress.",
    "A gateway holds 2,000 at most; then it answers 503: add replicas.",
)
HTTP_PROXIED = GaugeMetric(
    "soulprint_http_proxied", (), "requests", "Requests that are with the V1 backend now.", "64 at most."
)
HTTP_UPLOADS = GaugeMetric("soulprint_http_uploads", (), "uploads", "Uploads under way now.", "8 at most.")
OUTBOX_RUNS = GaugeMetric(
    "soulprint_outbox_runs",
    (),
    "runs",
    "Runs that were accepted and not yet put on the log, as last counted.",
    "Every gateway shows the same: take the largest.",
)
OUTBOX_SECONDS = GaugeMetric(
    "soulprint_outbox_age_seconds",
    (),
    "seconds",
    "For how long the oldest of them waits, as last counted.",
    "A few seconds. Minutes: Kafka is away, or takes nothing. Alert on it.",
)

METRICS: tuple[Metric, ...] = tuple(found for found in list(globals().values()) if isinstance(found, Metric))
"""All of them, in the order in which they stand here."""


def table() -> str:
    """All metrics as a table in Markdown."""
    rows = ["| metric | kind | labels | unit | meaning, and when to look |", "|---|---|---|---|---|"]
    for metric in METRICS:
        labels = ", ".join(metric.labels)
        said = f"{metric.meaning} {metric.advice}".rstrip()
        rows.append(f"| `{metric.name}` | {metric.kind} | {labels} | {metric.unit} | {said} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
