"""What whoever drives replays shows of them."""

from __future__ import annotations

from shared.metrics.kinds import GaugeMetric

REPLAYS = GaugeMetric(
    "soulprint_replays",
    ("state",),
    "replays",
    "Replays that run, or are paused and why.",
    (
        "`running`; `asked`, `canary`, `max_cost`, `unpriced`, `passthrough`: `soulprint replay status` says "
        "what to do. Only the consolidator that leads shows this and what follows."
    ),
)
REPLAY_ITEMS = GaugeMetric(
    "soulprint_replay_items",
    ("state",),
    "imports",
    "Imports of replays that are at work or ended within a week, by what became of them.",
    "`waiting`, `begun`, `done`, `held`, `failed`, `unserved`, `cancelled`, `skipped`. Alert on `held`.",
)
REPLAY_STILL = GaugeMetric(
    "soulprint_replay_still_seconds",
    (),
    "seconds",
    "Since when no import of a replay that runs was begun or ended, and no chunk of one came in.",
    "Alert on half an hour.",
)
REPLAY_DOLLARS = GaugeMetric(
    "soulprint_replay_dollars",
    (),
    "dollars",
    "What imports of replays at work took that have ended.",
)
