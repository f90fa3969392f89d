"""What is counted of calls to models, and to servers for embeddings. No label names a user."""

from __future__ import annotations

from shared.metrics.kinds import CounterMetric, GaugeMetric

# Models at a provider

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
