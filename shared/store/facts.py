"""Facts: read and settled for consolidation, listed and found for people. The rules are in
supabase/migrations/0004_facts.sql; 0006_chunk_results.sql stores them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, NamedTuple
from uuid import UUID

from pydantic import ConfigDict

from shared.domain.discreet import Discreet
from shared.domain.facts import FactStatus, SettledFact
from shared.domain.runs import RunKey
from shared.store.call import SPREAD, After, Calls, call


class FactKey(NamedTuple):
    """Where a page of facts ended; the next one begins after it."""

    matter: str
    stated_at: datetime | None
    fact_id: UUID


IN_ORDER = After(("matter", "stated_at", "id"))


class FactAccount(Discreet):
    """The account that a fact is from: the vendor's name, and the lineage."""

    model_config = ConfigDict(frozen=True)

    vendor: str
    lineage: str


class StoredFact(SettledFact):
    """A fact as the table holds it. `merged_ids` and `conversation_title` only where facts are listed."""

    matter: str
    chunk_index: int
    merged_into: UUID | None = None
    """The fact that absorbed this one; set exactly when status is merged."""
    conversation_title: str = ""
    account: FactAccount | None = None
    """Whose words it quotes; only where facts are listed."""
    lineages: tuple[str, ...] = ()
    """All lineages in which it was said; only where facts are listed."""

    @property
    def key(self) -> FactKey:
        """The place of this fact in the order of pages."""
        return FactKey(self.matter, self.stated_at, self.id)


@dataclass(frozen=True, slots=True)
class FactUpdate:
    """What merging made of one fact, whole: what is left out goes back to its default."""

    fact_id: UUID
    status: FactStatus = FactStatus.CURRENT
    support: int = 1
    superseded_by: UUID | None = None
    merged_into: UUID | None = None


class Facts(Calls):
    """Methods of Store on facts."""

    @call
    async def read_facts(
        self, import_id: UUID, run: int, after: Annotated[FactKey | None, IN_ORDER] = None, limit: int = 1000
    ) -> list[StoredFact]:
        """A page of a run's facts in the order matter, stated_at (unknown first), id, after a key
        (`StoredFact.key` of the last one before). A page shorter than `limit` is the last."""

    @call
    async def settle_facts(self, import_id: UUID, run: int, updates: Sequence[FactUpdate]) -> int:
        """Write what merging made of facts; answers how many changed. Repeated, it changes none."""

    @call
    async def list_facts(
        self,
        user_id: UUID,
        after: Annotated[FactKey | None, IN_ORDER] = None,
        limit: int = 1000,
        *,
        of_run: Annotated[RunKey | None, SPREAD] = None,
        status: Sequence[FactStatus] = (),
        search: str = "",
    ) -> list[StoredFact]:
        """A page of facts with titles and merged ids, of the run the profile serves or of `of_run`.

        Order and paging as read_facts. `status` empty: all. `search`: every word must occur in the
        statement or the quote, whatever its case.
        """

    @call
    async def find_fact(self, user_id: UUID, prefix: str) -> list[StoredFact]:
        """Facts of the served run whose id begins with `prefix`, at most ten, in id order."""
