"""What is counted of embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Gauge

from shared.metrics.models import (
    EMBEDDING_CALLS,
    EMBEDDING_COST,
    EMBEDDING_PASSAGES,
    EMBEDDING_PAUSED,
    EMBEDDING_TOKENS,
    EMBEDDINGS_LACKING,
)


@dataclass(frozen=True, slots=True)
class EmbeddingMetrics:
    """The metrics of one process."""

    calls: Counter
    tokens: Counter
    cost: Counter
    passages: Counter
    lacking: Gauge
    paused: Gauge

    @classmethod
    def of(cls, registry: CollectorRegistry | None = None) -> Self:
        """For a registry; without one, for nobody."""
        registry = registry or CollectorRegistry()
        return cls(
            EMBEDDING_CALLS.register(registry),
            EMBEDDING_TOKENS.register(registry),
            EMBEDDING_COST.register(registry),
            EMBEDDING_PASSAGES.register(registry),
            EMBEDDINGS_LACKING.register(registry),
            EMBEDDING_PAUSED.register(registry),
        )
