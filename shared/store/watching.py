"""What is shown of imports and profiles, to people and to who watches for them. The rules are in
supabase/migrations/0024_watching.sql."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from shared.domain.discreet import Discreet
from shared.domain.events import Usage
from shared.domain.facts import Category, FactStatus, SourceKind
from shared.domain.runs import ProfileFormat, RunKey, RunKind
from shared.store.call import After, Calls, call
from shared.store.runs import ENDED, Unserved

State = Literal[
    "received", "chunking", "extracting", "consolidating", "complete", "unserved", "failed", "cancelled"
]


@dataclass(frozen=True, slots=True)
class WatchedRun:
    """How an import's newest run fares."""

    import_id: UUID
    run: int
    user_id: UUID
    kind: RunKind
    state: str
    stage: str
    percent: float
    ok: int
    dead: int
    total: int | None
    coverage: float | None
    version: int
    """When it last changed: microseconds since 1970."""

    @property
    def ended(self) -> bool:
        return self.state in ENDED


class Told(Discreet):
    """A row that is told as it was answered: checked, and no more."""

    model_config = ConfigDict(frozen=True)


class ToldChunks(Told):
    """Chunks of a run."""

    ok: int = Field(description="Read by the model.")
    dead: int = Field(description="Could not be read.")
    total: int | None = Field(description="In all; null until the export is read to its end.")


class SideRun(Told):
    """Another run for the same import, at an address of its own."""

    import_id: UUID
    run: int
    state: State


class ToldRun(Told):
    """A run of an import."""

    import_id: UUID
    run: int = Field(description="1 for the first processing of the import, and so on.")
    user_id: UUID
    pipeline: str
    kind: RunKind = Field(
        description="primary; quick: first sections while that works; fallback: after it failed."
    )
    parent_id: UUID | None = Field(description="The import that a quick run gives first sections for.")
    name: str = Field(description="Of the export's file, without its folder.")
    state: State
    unserved: Unserved | None = Field(description="Why the state is unserved, if it is.")
    stage: str
    percent: float = Field(ge=0, le=100)
    chunks: ToldChunks
    coverage: float | None = Field(description="Share of the chunks that was read, once the run ended.")
    breaks: int = Field(description="Places where the export breaks: coverage is of what could be read.")
    usage: Usage | None = Field(description="What its models took, once the run ended.")
    error: dict[str, Any] | None = Field(description="Of a failed run: step and message.")
    requested_at: datetime
    begun_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime


class FoundRun(ToldRun):
    """A run of an import, with the others that run for it."""

    quick: SideRun | None = Field(default=None, description="Gives first sections meanwhile.")
    fallback: SideRun | None = Field(default=None, description="Gives sections, since this one failed.")


class ToldSections(Told):
    """The five sections as documents: empty where nothing supports one, null where nobody wrote it."""

    soul: str | None
    identity: str | None
    user: str | None
    agents: str | None
    tools: str | None


class Served(Told):
    """What is served to a user."""

    user_id: UUID
    import_id: UUID | None = Field(description="With run: whose sections; null where another service's are.")
    run: int | None
    pipeline: str | None
    kind: RunKind | None
    coverage: float | None = Field(description="Share of that run's chunks that was read.")
    memory_import_id: UUID | None = Field(description="With memory_run: whose MEMORY and facts.")
    memory_run: int | None
    lineages: list[str] = Field(description="The accounts that MEMORY rests on.")
    format: ProfileFormat | None = Field(
        description="How the sections are written; null where not by SoulPrint."
    )
    full_pass_status: str | None
    served_at: datetime | None
    sections: ToldSections
    memory_md: str | None


class ToldAccount(Told):
    """An account at a vendor."""

    vendor: str
    lineage: str


class ToldFact(Told):
    """A fact, with the words that it rests on."""

    id: UUID
    category: Category
    statement: str
    quote: str = Field(description="The person's own words.")
    message_ids: list[str]
    conversation_id: str
    conversation_title: str
    account: ToldAccount | None = Field(description="Whose words are quoted.")
    lineages: list[str] = Field(description="All accounts in which it was said.")
    stated_at: datetime | None = Field(description="When the person said it.")
    valid_from: date | None
    valid_until: date | None
    confidence: float
    source_kind: SourceKind
    status: FactStatus
    support: int = Field(description="In how many conversations it was said.")
    superseded_by: UUID | None


@dataclass(frozen=True, slots=True)
class Outbox:
    """Runs that wait to be put on the log for the first time, and how long the oldest has."""

    runs: int
    seconds: float


class Watching(Calls):
    """Methods of Store on what is shown."""

    @call
    async def watch_runs(self, import_ids: Sequence[UUID]) -> list[WatchedRun]:
        """The newest run of each of these imports, of those that there are."""

    @call
    async def find_run(
        self, import_id: UUID, run: int | None = None, user_id: UUID | None = None
    ) -> FoundRun | None:
        """A run, by default the import's newest. None if there is none, or it is not that user's; without a
        user anybody's, shadows too."""

    @call
    async def page_runs(
        self,
        user_id: UUID | None,
        after: Annotated[RunKey | None, After(("import_id", "run"))] = None,
        limit: int = 50,
    ) -> list[ToldRun]:
        """Runs, primary and fallback, the newest first: of a user, or of all; beginning after one of them. A
        page shorter than `limit` is the last. Raises StoreError (SP003) if `after` is none of them."""

    @call
    async def read_served(self, user_id: UUID) -> Served | None:
        """What is served to a user; None if nothing is."""

    @call
    async def page_facts(
        self,
        user_id: UUID,
        after: Annotated[tuple[UUID] | None, After(("id",))] = None,
        limit: int = 100,
        status: Sequence[FactStatus] = (),
    ) -> list[ToldFact]:
        """A page of the facts that are served, in the order of list_facts, beginning after the fact of this
        id. A page shorter than `limit` is the last. Raises StoreError (SP003) if `after` is not served, or is
        no more."""

    @call
    async def read_outbox(self) -> Outbox:
        """What waits to be put on the log for the first time."""
