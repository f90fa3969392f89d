"""The offline model: deterministic rules, no network, no key. It reads English only and says what it left
unread."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.events import ChunkReady, Sections, Usage
from shared.domain.facts import SettledFact
from shared.domain.sample import SampleConversation
from shared.english.likely import LIKELY
from shared.models.base import Digest, Extraction, Model
from shared.models.rules.pool import IN_FLIGHT, OfflineExtractor
from shared.models.rules.version import rules_version
from shared.models.writer.memory import memory_body
from shared.models.writer.reduce import reduce_facts
from shared.models.writer.sections import write_sections


class OfflineModel(Model):
    """`workers` processes extract; 0 extracts in this process. It costs nothing, so its usage is empty."""

    name = "offline"
    own_words = True
    sure_from = LIKELY

    def __init__(self, workers: int = 0) -> None:
        self.prompt_version = rules_version()
        self.ceiling = max(1, workers * IN_FLIGHT)
        self._extractor = OfflineExtractor(workers)

    async def extract(self, chunk: ChunkReady) -> Extraction:
        """Candidates of one chunk, by rule."""
        return await self._extractor.extract(chunk)

    async def reduce(self, facts: Sequence[SettledFact], budget_tokens: int) -> Digest:
        """The most telling facts that fit the budget."""
        return reduce_facts(facts, budget_tokens)

    async def memory(self, digest: Digest, budget_tokens: int) -> tuple[str, Usage]:
        """The body of MEMORY."""
        return memory_body(digest, budget_tokens), Usage()

    async def sections(self, digest: Digest, sample: Sequence[SampleConversation]) -> tuple[Sections, Usage]:
        """The five sections."""
        return write_sections(digest, sample), Usage()

    async def close(self) -> None:
        """End the worker processes."""
        await self._extractor.close()
