"""The metrics of models at a provider, read from them when Prometheus asks: a call counts nothing twice."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from shared.models.base import Metered, Model

_BY_MODEL = ("stage", "model")


class ModelMetrics(Collector):
    """Shows the models that it is told to watch. No label names a user."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._watched: dict[str, Metered] = {}
        registry.register(self)

    def watch(self, stage: str, model: Model) -> None:
        """Show this model of a stage from now on, if its calls cost something."""
        if isinstance(model, Metered):
            self._watched[stage] = model

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client: the metrics as they are now."""
        calls = CounterMetricFamily(
            "soulprint_model_calls", "Calls of the model, by how they ended.", labels=(*_BY_MODEL, "outcome")
        )
        tokens = CounterMetricFamily(
            "soulprint_model_tokens",
            "Tokens that replies say they took: input, output, cache_read, cache_write.",
            labels=(*_BY_MODEL, "kind"),
        )
        unanswered = CounterMetricFamily(
            "soulprint_model_unanswered",
            "Calls whose reply never came whole: what they cost is not known.",
            labels=_BY_MODEL,
        )
        cost = CounterMetricFamily(
            "soulprint_model_cost_dollars", "What calls cost; absent without a price.", labels=_BY_MODEL
        )
        in_flight = GaugeMetricFamily(
            "soulprint_model_calls_in_flight", "Calls in flight now.", labels=_BY_MODEL
        )
        limit = GaugeMetricFamily(
            "soulprint_model_calls_limit",
            "Calls that may be in flight: below the ceiling after a 429 or 529.",
            labels=_BY_MODEL,
        )
        paused = GaugeMetricFamily(
            "soulprint_model_paused", "1 while no calls are made but trials.", labels=_BY_MODEL
        )
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
        yield from (calls, tokens, unanswered, cost, in_flight, limit, paused)
