"""The deterministic writer: reduction, MEMORY and sections by rule, at once and at no cost."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.events import Sections
from shared.domain.facts import SettledFact
from shared.domain.sample import SampleConversation
from shared.models.base import Digest, Fallback
from shared.models.writer.memory import memory_body
from shared.models.writer.reduce import reduce_facts
from shared.models.writer.sections import write_sections


class DeterministicWriter(Fallback):
    """The same facts give the same words. It says nothing that no fact and no figure says."""

    def reduce(self, facts: Sequence[SettledFact], budget_tokens: int) -> Digest:
        """The most telling facts that fit the budget, by a fixed weighing."""
        return reduce_facts(facts, budget_tokens)

    def memory(self, digest: Digest, budget_tokens: int) -> str:
        """The body of MEMORY: one line a fact under its theme."""
        return memory_body(digest, budget_tokens)

    def sections(self, digest: Digest, sample: Sequence[SampleConversation]) -> Sections:
        """The sections that the digest and the sample support."""
        return write_sections(digest, sample)
