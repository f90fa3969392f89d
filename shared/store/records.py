"""What the store takes and answers: small typed values, one for each shape of JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from shared.domain.events import Usage
from shared.domain.facts import Fact, FactStatus, SettledFact
from shared.domain.runs import RunKey


class PassageRow(Protocol):
    """A passage to be stored (`services.chunker.passages.Passage` is one)."""

    @property
    def conversation_id(self) -> str: ...
    @property
    def passage_index(self) -> int: ...
    @property
    def title(self) -> str: ...
    @property
    def content(self) -> str: ...
    @property
    def token_count(self) -> int: ...
    @property
    def message_count(self) -> int: ...
    @property
    def created_at(self) -> float | None:
        """Unix seconds, UTC."""
        ...

    @property
    def last(self) -> bool:
        """True on a conversation's last passage: rows beyond it are deleted."""
        ...


class RequestedRun(BaseModel):
    """Answer of request_run: which run it is, and whether that was under way."""

    model_config = ConfigDict(frozen=True)

    run: int
    resumed: bool
    requested_at: datetime


class Reading(BaseModel):
    """How far the reading of an export is."""

    model_config = ConfigDict(frozen=True)

    bytes_read: int = 0
    bytes_total: int = 0
    """In the unit of `bytes_read`, for a share."""
    conversations: int = 0


NOT_READ = Reading()


@dataclass(frozen=True, slots=True)
class Saved:
    """Answer of save_chunks_batch: rows inserted or changed, and rows deleted."""

    written: int
    deleted: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A result that was not recorded. `reason`: unknown, cancelled, older, finished, repeated,
    beyond total."""

    import_id: UUID
    run: int
    index: int
    reason: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """Answer of record_chunks. `complete`: touched runs whose chunks are all in, not yet published."""

    recorded: int
    ignored: tuple[Refused, ...]
    complete: tuple[RunKey, ...]


@dataclass(frozen=True, slots=True)
class ChunkingFinished:
    """Answer of finish_chunking. `ignored`, if nothing was noted: unknown, or the state of the run."""

    complete: bool
    ignored: str | None


@dataclass(frozen=True, slots=True)
class Claim:
    """Answer of claim_run. `reason` if not claimed: unknown, incomplete, leased, published, an end state."""

    claimed: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class Commit:
    """Answer of commit_memory. `reason` if not written: failed, older, repeated, cancelled, unknown."""

    written: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class DeadChunk:
    """A chunk of a run that no model could read."""

    index: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class FactUpdate:
    """What merging made of one fact, whole: what is left out goes back to its default."""

    fact_id: UUID
    status: FactStatus = FactStatus.CURRENT
    support: int = 1
    superseded_by: UUID | None = None
    merged_into: UUID | None = None


class FactKey(NamedTuple):
    """Where a page of facts ended; the next one begins after it."""

    matter: str
    stated_at: datetime | None
    fact_id: UUID


class CachedExtraction(BaseModel):
    """What a chunk of the same content gave before."""

    model_config = ConfigDict(frozen=True)

    facts: tuple[Fact, ...]
    dropped: dict[str, int] = {}
    unread: tuple[str, ...] = ()
    usage: Usage = Usage()


class StoredFact(SettledFact):
    """A fact as the table holds it. `merged_ids` and `conversation_title` only where facts are listed."""

    matter: str
    chunk_index: int
    merged_into: UUID | None = None
    """The fact that absorbed this one; set exactly when status is merged."""
    conversation_title: str = ""

    @property
    def key(self) -> FactKey:
        """The place of this fact in the order of pages."""
        return FactKey(self.matter, self.stated_at, self.id)


class RunReport(BaseModel):
    """Everything the store knows of a run, for report.json."""

    model_config = ConfigDict(frozen=True)

    import_id: UUID
    run: int
    user_id: UUID
    pipeline: str
    source: str
    variant: str
    state: str
    progress_percent: float
    stage: str | None
    counts: dict[str, Any]
    breaks: list[Any]
    chunks_total: int | None
    chunks_ok: int
    chunks_dead: int
    chunks_cached: int
    facts_extracted: int
    """Grounded facts of all chunks, without those of superseded conversations."""
    fact_counts: dict[str, Any]
    """As committed; empty before."""
    coverage: float | None
    cost: float | None
    error: dict[str, Any] | None
    lease_owner: str | None
    lease_until: datetime | None
    unread_conversations: int
    """Distinct conversations that the model could not read."""
    dropped: dict[str, int]
    extraction_usage: Usage
    """Sum over the chunks; without the calls of consolidation."""
    committed_usage: Usage | None
    """All of the run, as committed."""
    requested_at: datetime
    begun_at: datetime
    chunked_at: datetime | None
    extracted_at: datetime | None
    claimed_at: datetime | None
    published_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime


class Profile(BaseModel):
    """A row of user_profiles. Sections are None until something wrote them."""

    model_config = ConfigDict(frozen=True)

    user_id: UUID
    soul_md: str | None
    identity_md: str | None
    user_md: str | None
    agents_md: str | None
    tools_md: str | None
    memory_md: str | None
    soulprint_text: str | None
    full_pass_status: str
    full_pass_started_at: datetime | None
    full_pass_completed_at: datetime | None
    full_pass_error: str | None
    progress_percent: float
    import_stage: str | None
    import_id: UUID | None
    """With `run`: whose memory and sections the row holds."""
    run: int | None
    pipeline: str | None
    created_at: datetime
    updated_at: datetime


class StoredPassage(BaseModel):
    """A passage as the table holds it."""

    model_config = ConfigDict(frozen=True)

    conversation_id: str
    passage_index: int
    title: str
    content: str
    token_count: int
    chunk_tier: str
    is_recent: bool
    message_count: int
    created_at: datetime | None


class FoundPassage(BaseModel):
    """A passage that a search found; `snippet` is the text around the first word."""

    model_config = ConfigDict(frozen=True)

    conversation_id: str
    passage_index: int
    title: str
    created_at: datetime | None
    chunk_tier: str
    is_recent: bool
    snippet: str


@dataclass(frozen=True, slots=True)
class Chunking:
    """What a whole reading of an export gave, for finish_chunking. JSON values."""

    total: int
    counts: dict[str, Any] = field(default_factory=dict)
    sample: list[Any] = field(default_factory=list)
    superseded: list[Any] = field(default_factory=list)
    """Items with `conversation_id` and `before_index` (mappings or dataclasses)."""
    breaks: list[Any] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    """Conversations of which nothing may stay: their passages are deleted."""
