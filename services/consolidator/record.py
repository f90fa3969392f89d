"""What is recorded with a chunk's facts: the topic of each, computed once, where the facts come in."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.events import FactsExtracted
from shared.english.matters import topic_of


def with_topics(results: Sequence[FactsExtracted]) -> list[tuple[FactsExtracted, list[str]]]:
    """Each result with one topic per fact, in the order of its facts: what `record_chunks` takes."""
    return [
        (result, [topic_of(fact.category, fact.statement) for fact in result.facts]) for result in results
    ]
