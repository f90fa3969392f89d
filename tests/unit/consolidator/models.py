"""A model for these tests: the offline rules of reduction and writing, without extraction."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.events import ChunkReady, Sections, Usage
from shared.domain.facts import SettledFact
from shared.domain.sample import SampleConversation
from shared.models.base import Digest, Extraction
from shared.models.writer.memory import memory_body
from shared.models.writer.reduce import reduce_facts
from shared.models.writer.sections import write_sections


class Rules:
    """Reduces and writes by the offline rules."""

    name = "rules"
    prompt_version = "1"
    sure_from = 0.0

    async def extract(self, chunk: ChunkReady) -> Extraction:
        raise AssertionError("consolidation extracts nothing")

    async def reduce(self, facts: Sequence[SettledFact], budget_tokens: int) -> Digest:
        return reduce_facts(facts, budget_tokens)

    async def memory(self, digest: Digest, budget_tokens: int) -> tuple[str, Usage]:
        return memory_body(digest, budget_tokens), Usage(calls=1)

    async def sections(self, digest: Digest, sample: Sequence[SampleConversation]) -> tuple[Sections, Usage]:
        return write_sections(digest, sample), Usage(calls=1)

    async def close(self) -> None:
        pass
