"""Figures of the hand-written rules that were the whole offline model until there was a gate.

LoCoMo and REALTALK: measured by this bench at 5a75729, the last commit with those rules. Multi-Session
Chat: measured at e14a5fc, some guards earlier, by another script. Our own labels: those rules by this
bench, on the labels as they were at cd89383; where held-out labels change, they are measured again
(`QUALITY_LABELS`).
"""

from __future__ import annotations

RULES_OF_BEFORE = {
    "held-out, durable: precision": 0.818,
    "held-out, durable: recall": 0.120,
    "held-out, durable or event: precision": 0.836,
    "held-out, durable or event: recall": 0.093,
    "held-out, calibration error": 0.049,
    "held-out, false alarms": 0.019,
    "MSC, turns: precision": 0.958,
    "MSC, turns: recall": 0.207,
    "MSC, labelled sentences found": 0.116,
    "LoCoMo, single-hop evidence": 0.109,
    "REALTALK, evidence of category 1": 0.330,
}
"""By the name of the figure (`bench.figures.quality`)."""
