"""What a metric is said to be: a counter, a gauge, a histogram."""

from __future__ import annotations

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
