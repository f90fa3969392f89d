"""What is counted of where imports go, and what the judge shows of the lanes."""

from __future__ import annotations

from shared.metrics.kinds import CounterMetric, GaugeMetric

ROUTING_DECISIONS = CounterMetric(
    "soulprint_routing_decisions_total",
    ("lane", "reason"),
    "imports",
    "Imports, by the lane that was decided on and why.",
    "`share`, `explicit`, `override`, `passthrough`. Counted once an import, where it was decided. "
    "`other`: no lane here.",
)
CANARY_CHECKS = CounterMetric(
    "soulprint_canary_checks_total",
    ("verdict",),
    "checks",
    "Checks of the lanes by the router that leads, by their verdict.",
    "`pass`, `inconclusive`, `hold`, `rollback`. One a minute; alert where they stop.",
)
CANARY_CHANGES = CounterMetric(
    "soulprint_canary_changes_total",
    ("change",),
    "changes",
    "Changes of the policy that the judge made.",
    "`rollback`, `share`, `deprecate`.",
)
CANARY_SHARE = GaugeMetric(
    "soulprint_canary_share",
    ("kind",),
    "ratio",
    "The part of users whose imports go to the pipeline that is served, or are compared.",
    "`served`, `shadow`; 0 to 1. Only the router that leads shows this and what follows.",
)
CANARY_STEP = GaugeMetric(
    "soulprint_canary_step",
    ("step",),
    "bool",
    "1 for the step that the rollout is in.",
    "`v1`, `shadow`, `share`, `announced`; `passthrough`, `rolled back`.",
)
CANARY_FROZEN = GaugeMetric(
    "soulprint_canary_frozen",
    ("mode",),
    "bool",
    "1 after a rollback, until a person has thawed the policy.",
    "`manual`, `auto`: who goes on to the next step. Alert on 1.",
)
CANARY_VERDICT = GaugeMetric(
    "soulprint_canary_verdict",
    ("verdict",),
    "bool",
    "1 for the last verdict.",
    "`hold` for long: `soulprint canary check` says why.",
)
CANARY_STUCK = GaugeMetric(
    "soulprint_canary_stuck",
    ("lane",),
    "runs",
    "Runs of this step without an end 2 hours after they were begun.",
    "Alert on any; more than 10 within an hour roll back.",
)
