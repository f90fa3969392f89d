"""The metrics of models at a provider, read from them when Prometheus asks: a call counts nothing twice."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from shared.metrics.models import (
    MODEL_CALLS,
    MODEL_CALLS_IN_FLIGHT,
    MODEL_CALLS_LIMIT,
    MODEL_COST,
    MODEL_PAUSED,
    MODEL_TOKENS,
    MODEL_UNANSWERED,
)
from shared.models.base import Metered, Model


class ModelMetrics(Collector):
    """Shows the models that it is told to watch."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._watched: dict[str, Metered] = {}
        registry.register(self)

    def watch(self, stage: str, model: Model) -> None:
        """Show this model of a stage from now on, if its calls cost something."""
        if isinstance(model, Metered):
            self._watched[stage] = model

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client: the metrics as they are now."""
        calls, tokens = MODEL_CALLS.family(), MODEL_TOKENS.family()
        cost, unanswered = MODEL_COST.family(), MODEL_UNANSWERED.family()
        in_flight, limit = MODEL_CALLS_IN_FLIGHT.family(), MODEL_CALLS_LIMIT.family()
        paused = MODEL_PAUSED.family()
        for stage, model in self._watched.items():
            state, labels = model.state, (stage, model.name)
            for outcome, count in state.outcomes.items():
                calls.add_metric((*labels, outcome), count)
            for kind in ("input", "output", "cache_read", "cache_write"):
                tokens.add_metric((*labels, kind), getattr(state.spent, f"{kind}_tokens"))
            unanswered.add_metric(labels, state.spent.unanswered)
            if state.spent.cost is not None:
                cost.add_metric(labels, state.spent.cost)
            in_flight.add_metric(labels, state.in_flight)
            limit.add_metric(labels, state.limit)
            paused.add_metric(labels, float(bool(state.trouble)))
        yield from (calls, tokens, cost, unanswered, in_flight, limit, paused)
