"""What the gateway counts. No label names a user, or a path that a client made up."""

from __future__ import annotations

from shared.metrics.kinds import CounterMetric, GaugeMetric, HistogramMetric

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
LEGACY_CALLS = CounterMetric(
    "soulprint_legacy_calls_total",
    ("route",),
    "calls",
    "Calls of a route that ends, by those who may make them, whatever was answered.",
    "Who they are of stands in `legacy_calls`. Without any for a week a route can go: V1_ROUTE=gone.",
)
