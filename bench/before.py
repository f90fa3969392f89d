"""Figures of the hand-written rules that were the whole offline model until there was a gate.

LoCoMo and REALTALK: measured by this bench at 5a75729, the last commit with those rules. Multi-Session Chat:
measured at e14a5fc, some guards earlier, by another script.
"""

from __future__ import annotations

RULES_OF_BEFORE = {
    "MSC, turns: precision": 0.958,
    "MSC, turns: recall": 0.207,
    "MSC, labelled sentences found": 0.116,
    "LoCoMo, single-hop evidence": 0.109,
    "REALTALK, evidence of category 1": 0.330,
}
"""By the name of the figure (`bench.figures.quality`)."""
