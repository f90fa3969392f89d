"""Which facts are likely enough to be told as known; the others are kept, and listed as less certain."""

from __future__ import annotations

from shared.domain.facts import SettledFact, SourceKind
from shared.english.matters import is_claim

LIKELY = 0.8
"""Least confidence of the offline model, which is a calibrated likelihood, in what MEMORY and the sections
tell. Of the held-out labels' facts one in twenty-five is none above it, three in ten below."""


def is_likely(fact: SettledFact, least: float = LIKELY) -> bool:
    """Whether MEMORY and the sections may take it: said with so much confidence, in more than one
    conversation, in custom instructions, or in a form that can be understood in one way only (a name, a
    home, an allergy)."""
    return (
        fact.confidence >= least
        or fact.support > 1
        or fact.source_kind is SourceKind.CUSTOM_INSTRUCTIONS
        or is_claim(fact.matter)
    )
