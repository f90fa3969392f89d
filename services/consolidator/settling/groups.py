"""Settling a whole run: facts come in pages, matter after matter, and leave as they are settled."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from services.consolidator.settling.settle import CLUSTERS, MatterGroup
from shared.domain.facts import FactStatus, SettledFact
from shared.store.facts import FactKey, FactUpdate, StoredFact

ReadFacts = Callable[[FactKey | None, int], Awaitable[Sequence[StoredFact]]]
"""The page of at most so many facts after a key, ordered by matter, stated_at (unknown first), id."""


@dataclass(slots=True)
class Settlement:
    """What settling made of the facts of a run, counted as it goes."""

    kept: int = 0
    superseded: int = 0
    merged: int = 0
    updates: list[FactUpdate] = field(default_factory=list)
    """Rows that are no longer as extraction left them, not yet taken by `take`."""

    def note(self, fact: SettledFact) -> None:
        """Count one settled fact and list the rows it changes."""
        self.kept += 1
        self.merged += len(fact.merged_ids)
        if fact.status is FactStatus.SUPERSEDED:
            self.superseded += 1
        if fact.support > 1 or fact.status is not FactStatus.CURRENT:
            self.updates.append(
                FactUpdate(fact.id, fact.status, fact.support, superseded_by=fact.superseded_by)
            )
        self.updates += [
            FactUpdate(merged, FactStatus.MERGED, merged_into=fact.id) for merged in fact.merged_ids
        ]

    def take(self) -> list[FactUpdate]:
        """The updates collected since the last call."""
        updates, self.updates = self.updates, []
        return updates


async def settle_pages(
    read_facts: ReadFacts,
    page: int,
    settlement: Settlement,
    limit: int = CLUSTERS,
    newest: date | None = None,
) -> AsyncIterator[list[SettledFact]]:
    """Every fact of the run settled, page by page; holds one page and one matter's open statements.

    What was planned for a day before `newest`, the newest day of what was said, is history.
    """
    after: FactKey | None = None
    group: MatterGroup | None = None
    while True:
        facts = await read_facts(after, page)
        settled: list[SettledFact] = []
        for fact in facts:
            if group is None or group.matter != fact.matter:
                settled += _finish(group)
                group = MatterGroup(fact.matter, limit, newest)
            settled += group.add(fact)
        last = len(facts) < page
        if last:
            settled += _finish(group)
        for one in settled:
            settlement.note(one)
        yield settled
        if last:
            return
        after = facts[-1].key


def _finish(group: MatterGroup | None) -> Iterator[SettledFact]:
    return group.finish() if group is not None else iter(())
