"""Facts and a store in memory for these tests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from uuid import UUID, uuid5

from services.consolidator.settling.groups import Settlement, settle_pages
from shared.domain.facts import Category, FactStatus, SettledFact
from shared.domain.ids import NAMESPACE
from shared.english.matters import matter_of
from shared.store.facts import FactKey, FactUpdate, StoredFact


def stored(
    statement: str,
    stated: str | None = "2022-05-01",
    *,
    message: str = "m",
    conversation: str | None = None,
    category: Category = Category.PREFERENCES,
    valid_from: date | None = None,
    valid_until: date | None = None,
) -> StoredFact:
    """A recorded fact as the store reads it back."""
    at = None if stated is None else datetime.fromisoformat(stated).replace(tzinfo=UTC)
    name = f"{message}{statement}{stated}{category}{valid_from}{valid_until}"
    return StoredFact(
        category=category,
        statement=statement,
        quote=statement,
        message_ids=(f"{message}-{stated}",),
        id=uuid5(NAMESPACE, name),
        conversation_id=conversation or f"{message}-{stated}",
        stated_at=at,
        valid_from=valid_from,
        valid_until=valid_until,
        matter=matter_of(category, statement),
        chunk_index=0,
    )


def in_order(facts: Iterable[StoredFact]) -> list[StoredFact]:
    """The order of the store: matter, stated_at (unknown first), id."""
    early = datetime.min.replace(tzinfo=UTC)
    return sorted(facts, key=lambda f: (f.matter, f.stated_at or early, f.id.int))


class Pages:
    """Facts read page by page, as `read_facts` does."""

    def __init__(self, facts: Iterable[StoredFact]) -> None:
        self.facts = in_order(facts)
        self._at = {fact.key: at for at, fact in enumerate(self.facts)}

    async def read(self, after: FactKey | None, limit: int) -> Sequence[StoredFact]:
        start = 0 if after is None else self._at[after] + 1
        return self.facts[start : start + limit]


class Settled:
    """Everything that settling some facts gave."""

    def __init__(self, facts: list[SettledFact], updates: list[FactUpdate], settlement: Settlement) -> None:
        self.facts = facts
        self.updates = {update.fact_id: update for update in updates}
        assert len(self.updates) == len(updates), "a row is written once"
        self.settlement = settlement
        self.by_id: dict[UUID, SettledFact] = {fact.id: fact for fact in facts}

    def current(self) -> list[str]:
        return sorted(fact.statement for fact in self.facts if fact.status is FactStatus.CURRENT)

    def history(self) -> list[tuple[str, str]]:
        """Statements with what took their place, in date order. What is past by itself has nothing."""
        past = [fact for fact in self.facts if fact.superseded_by is not None]
        return [
            (fact.statement, self.by_id[fact.superseded_by].statement)
            for fact in sorted(past, key=lambda f: (f.stated_at or datetime.min.replace(tzinfo=UTC), f.id))
            if fact.superseded_by is not None
        ]


async def settle(
    facts: Iterable[StoredFact], page: int = 7, limit: int = 2000, newest: date | None = None
) -> Settled:
    """Settle `facts` as consolidation does."""
    settlement = Settlement()
    settled: list[SettledFact] = []
    async for part in settle_pages(Pages(facts).read, page, settlement, limit, newest):
        settled += part
    return Settled(settled, settlement.take(), settlement)
