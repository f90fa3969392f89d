"""Reduction in levels: a model sees a bounded number of facts at a time, and a bounded number is held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.domain.events import Usage
from shared.domain.facts import SettledFact
from shared.models.base import Digest, Writes

TOKENS_A_FACT = 16
"""Fewer tokens than a line of MEMORY takes: a digest of budget / TOKENS_A_FACT facts always fills it."""


@dataclass(frozen=True, slots=True)
class ReductionPolicy:
    """Sizes of a reduction. At most `batch_facts` + levels * `fan_in` * `digest_facts` facts are held."""

    budget_tokens: int
    fan_in: int = 4
    """Digests that one call of a higher level reads."""

    @property
    def digest_facts(self) -> int:
        """Most facts of a digest, whatever the model answers."""
        return max(200, self.budget_tokens // TOKENS_A_FACT)

    @property
    def batch_facts(self) -> int:
        """Facts that one call of the lowest level reads."""
        return max(1000, 2 * self.digest_facts)


class Reduction:
    """Add settled facts in any number; `finish` answers the digest of them all."""

    def __init__(self, model: Writes, policy: ReductionPolicy) -> None:
        self._model = model
        self._policy = policy
        self._batch: list[SettledFact] = []
        self._levels: list[list[tuple[SettledFact, ...]]] = []
        self._added = 0
        self._usage = Usage()

    async def add(self, facts: Iterable[SettledFact]) -> None:
        """Take more facts, calling the model whenever a batch or a level is full."""
        for fact in facts:
            self._batch.append(fact)
            self._added += 1
            if len(self._batch) == self._policy.batch_facts:
                batch, self._batch = self._batch, []
                await self._keep(0, await self._reduce(batch))

    async def finish(self) -> Digest:
        """Reduce what is left of every level to one digest."""
        rest = [digest for level in reversed(self._levels) for digest in level]
        facts = [fact for digest in rest for fact in digest] + self._batch
        self._levels, self._batch = [], []
        while len(facts) > self._policy.batch_facts:
            size = self._policy.batch_facts
            batches = [facts[at : at + size] for at in range(0, len(facts), size)]
            smaller = [fact for batch in batches for fact in await self._reduce(batch)]
            if len(smaller) == len(facts):
                break
            facts = smaller
        kept = await self._reduce(facts) if facts else ()
        return Digest(facts=kept, left_out=self._added - len(kept), usage=self._usage)

    async def _keep(self, level: int, digest: tuple[SettledFact, ...]) -> None:
        while len(self._levels) <= level:
            self._levels.append([])
        self._levels[level].append(digest)
        if len(self._levels[level]) == self._policy.fan_in:
            facts = [fact for each in self._levels[level] for fact in each]
            self._levels[level] = []
            await self._keep(level + 1, await self._reduce(facts))

    async def _reduce(self, facts: Sequence[SettledFact]) -> tuple[SettledFact, ...]:
        """One call; of its answer only what was asked about counts, in our own words of it."""
        digest = await self._model.reduce(facts, self._policy.budget_tokens)
        self._usage += digest.usage
        given = {fact.id: fact for fact in facts}
        kept = [own for fact in digest.facts if (own := given.pop(fact.id, None)) is not None]
        return tuple(kept[: self._policy.digest_facts])
