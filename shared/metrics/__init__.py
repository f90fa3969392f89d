"""Every metric that a process shows: its name, labels, unit and meaning.

The one place where a metric is named. What counts makes its objects from here, for a registry; the table in
docs/operations.md is `python -m shared.metrics`; alerts and dashboards in deploy/ may name no other.
"""
