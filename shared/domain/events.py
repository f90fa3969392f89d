"""What the services tell each other (design, section 2). On the log each is JSON with CloudEvents headers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from shared.domain import bounds
from shared.domain.bounds import (
    AccountNumber,
    ChunkIndex,
    ChunkTotal,
    Cost,
    Count,
    Digest,
    ErrorText,
    Id,
    LineageName,
    Listed,
    Moment,
    Name,
    PipelineName,
    RunNumber,
    Source,
    Title,
    Total,
)
from shared.domain.discreet import Discreet
from shared.domain.facts import Fact
from shared.domain.runs import Priority, RunKind
from shared.domain.sections import KINDS, Agents, Identity, Section, Soul, Tools, User
from shared.domain.text import BYTES_PER_TOKEN, repair

Role = Literal["user", "assistant"]
FRAME_CHARS = 600
"""What ids, times and names of fields take at most around one text: an id has some 200 characters."""


class Event(Discreet):
    """Common to every event: which run of which import of which user."""

    model_config = ConfigDict(frozen=True)

    import_id: UUID
    user_id: UUID
    run: RunNumber
    """1 for the first processing of an import; a replay is a new run."""

    @property
    def ids(self) -> dict[str, Any]:
        """Whose and which it is, for a log line."""
        ids: dict[str, Any] = {
            "import_id": str(self.import_id),
            "user_id": str(self.user_id),
            "run": self.run,
        }
        chunk = getattr(self, "chunk_id", None)
        return ids if chunk is None else ids | {"chunk_id": str(chunk)}

    @property
    def weight(self) -> int:
        """Most characters that it has as JSON, escapes not counted. Cheap: it bounds the memory of a log."""
        return FRAME_CHARS


class ImportReceived(Event):
    """An export is to be processed."""

    source: Source
    """`bucket/path` in storage, or a local file. Never a URL."""
    requested_at: Moment
    conversation_count: Count | None = None
    message_count: Count | None = None
    lineage: LineageName | None = None
    """Which lineage of the user the export is of, as the person names it; None: as its accounts tell."""
    kind: RunKind = RunKind.PRIMARY
    """What the run is for."""
    parent_id: UUID | None = None
    """Of a quick or a shadow run: the import beside which it is."""
    pipeline: PipelineName | None = None
    """Which pipeline is asked for; None: whichever the deployment chooses."""
    priority: Priority = "live"
    """Whether somebody waits for it."""

    @property
    def weight(self) -> int:
        """See Event."""
        return FRAME_CHARS + len(self.source)


@dataclass(slots=True)
class Message:
    """One message (or one part of an oversized message) as the model reads it."""

    # A dataclass, since there are millions of them: the event that holds them checks them where it is read.

    id: Id
    conversation_id: Id
    role: Role
    text: str
    """The person's words whole; the assistant's abridged to CONTEXT_CHARS."""
    created_at: Moment | None = None
    abridged: bool = False
    part: Count = 0
    """0 unless this message alone was larger than a chunk and was cut; then 0, 1, 2, ... in order."""
    custom_instructions: bool = False
    """True for the person's standing instructions, which count as the person's own words."""


@dataclass(slots=True)
class ConversationHeader:
    """What the model sees of a conversation besides its messages."""

    id: Id
    title: Title = ""
    created_at: Moment | None = None


class ChunkReady(Event):
    """One chunk is ready to be read by a model."""

    chunk_id: UUID
    index: ChunkIndex
    total: ChunkTotal | None = None
    """The number of chunks of the run, on the last chunk only."""
    content_hash: Digest
    """Hex digest of what the model reads; equal content has equal hashes in every export."""
    token_count: Count
    """Estimated tokens (`shared.domain.text.estimate_tokens`) of what the model reads."""
    conversations: Annotated[tuple[ConversationHeader, ...], Listed, bounds.FIRST_ERROR]
    """Headers of the conversations in this chunk, in order of first appearance."""
    messages: Annotated[tuple[Message, ...], Listed, bounds.FIRST_ERROR]
    account: AccountNumber = 0
    """Which of the run's accounts it is of: a chunk is of one."""
    priority: Priority = "live"
    """That of its run."""

    @property
    def has_own_words(self) -> bool:
        """Whether the person says anything in it; if not, there is nothing to read it for."""
        return any(message.role == "user" for message in self.messages)

    @property
    def weight(self) -> int:
        """See Event."""
        texts = self.token_count * BYTES_PER_TOKEN  # no more characters than bytes
        return texts + FRAME_CHARS * (1 + len(self.messages) + len(self.conversations))


class Usage(Discreet):
    """What model calls cost. Tokens; cost in US dollars, None where the price is unknown."""

    model_config = ConfigDict(frozen=True)

    calls: Total = 0
    input_tokens: Total = 0
    output_tokens: Total = 0
    cache_read_tokens: Total = 0
    cache_write_tokens: Total = 0
    unanswered: Total = 0
    """Calls whose reply never came whole: what they cost is not known, and `cost` leaves them out."""
    cost: Cost | None = 0.0

    def __add__(self, other: Usage) -> Usage:
        known = self.cost is not None and other.cost is not None
        return Usage(
            calls=_sum(self.calls, other.calls),
            input_tokens=_sum(self.input_tokens, other.input_tokens),
            output_tokens=_sum(self.output_tokens, other.output_tokens),
            cache_read_tokens=_sum(self.cache_read_tokens, other.cache_read_tokens),
            cache_write_tokens=_sum(self.cache_write_tokens, other.cache_write_tokens),
            unanswered=_sum(self.unanswered, other.unanswered),
            cost=min((self.cost or 0.0) + (other.cost or 0.0), bounds.DOLLARS) if known else None,
        )


def _sum(one: int, other: int) -> int:
    """What is off any scale stays at its end, as it does where the database adds up."""
    return min(one + other, bounds.WHOLE)


class ChunkStatus(StrEnum):
    OK = "ok"
    DEAD = "dead"


class FactsExtracted(Event):
    """A chunk is finished: its facts, or why there will be none."""

    chunk_id: UUID
    index: ChunkIndex
    total: ChunkTotal | None = None
    content_hash: Digest
    status: ChunkStatus
    facts: Annotated[tuple[Fact, ...], Listed, bounds.FIRST_ERROR] = ()
    cached: bool = False
    """True if the facts came from the extraction cache: no model was called."""
    dropped: dict[Name, Count] = Field(default_factory=dict, max_length=bounds.ITEMS)
    """Candidates that grounding refused, by reason; and under `facts.SENTENCES` how much was understood."""
    unread: Annotated[tuple[Id, ...], Listed, bounds.FIRST_ERROR] = ()
    """Ids of conversations the model cannot read (the offline model reads English only)."""
    usage: Usage = Usage()
    model: Name = ""
    """Which model read it, and with which prompts: under what the facts are cached. Empty: the recorder's."""
    prompt_version: Name = ""
    error: ErrorText | None = None
    """Why the chunk is dead; never holds the person's text."""
    account: AccountNumber = 0
    """Which of the run's accounts it is of."""
    tokens: Count = 0
    """Estimated tokens of what a model reads of it; 0: there is nothing to ask one for."""
    priority: Priority = "live"
    """That of its run."""

    @classmethod
    def of(cls, chunk: ChunkReady, status: ChunkStatus = ChunkStatus.OK, **found: Any) -> FactsExtracted:
        """The result for `chunk`. An error, which may quote a provider's, is clipped."""
        if found.get("error") is not None:
            found["error"] = bounds.clipped(repair(found["error"]), bounds.ERROR_CHARS)
        return cls(
            import_id=chunk.import_id,
            user_id=chunk.user_id,
            run=chunk.run,
            chunk_id=chunk.chunk_id,
            index=chunk.index,
            total=chunk.total,
            content_hash=chunk.content_hash,
            account=chunk.account,
            priority=chunk.priority,
            tokens=chunk.token_count if chunk.has_own_words else 0,
            status=status,
            **found,
        )

    @property
    def weight(self) -> int:
        """See Event."""
        return (
            FRAME_CHARS * (2 + len(self.facts) + len(self.unread))
            + sum(len(fact.statement) + len(fact.quote) + 200 * len(fact.message_ids) for fact in self.facts)
            + sum(map(len, self.unread))
            + len(self.error or "")
        )


class Coverage(Discreet):
    """How much of a run was read: chunks ok, dead, and in all."""

    model_config = ConfigDict(frozen=True)

    ok: Count
    dead: Count
    total: Count
    breaks: Count = 0
    """Places where the export breaks: the chunks are those of what could be read."""

    @model_validator(mode="after")
    def _is_a_share(self) -> Coverage:
        if self.ok > self.total:
            raise ValueError("ok is more than total")
        return self

    @property
    def share(self) -> float:
        """Part of the chunks that were read, 0 to 1. An import without chunks is wholly covered."""
        return self.ok / self.total if self.total else 1.0


class Sections(Discreet):
    """The five profile sections. One without a word: nothing in the export supports it. None: the run makes
    none, and the one that is served stays."""

    model_config = ConfigDict(frozen=True)

    soul: Soul | None = Soul()
    """Voice, tone and values."""
    identity: Identity | None = Identity()
    """Who the assistant is for them."""
    user: User | None = User()
    """Who they are."""
    agents: Agents | None = Agents()
    """How to work with them."""
    tools: Tools | None = Tools()
    """What they use."""

    def each(self) -> Iterator[tuple[str, Section | None]]:
        """The five by name, in their order."""
        for name in KINDS:
            yield name, getattr(self, name)


class FactCounts(Discreet):
    """How the facts of a run fared."""

    model_config = ConfigDict(frozen=True)

    extracted: Total = 0
    """Grounded facts of all chunks."""
    dropped_ungrounded: Total = 0
    """Candidates that grounding refused."""
    merged: Total = 0
    """Facts that said the same as another."""
    kept: Total = 0
    """Settled facts listed: current and superseded."""
    superseded: Total = 0


class MemoryReady(Event):
    """A run's memory is ready to be written."""

    pipeline: Name
    memory_md: str | None
    """None: this run makes none, and the one that is served stays."""
    sections: Sections
    coverage: Coverage
    facts: FactCounts
    usage: Usage
    edition: Count = 0
    """Which joining of the user's lineages it was made from, as the run was claimed: if they are joined anew
    before it is written, it is made again."""

    @property
    def weight(self) -> int:
        """See Event."""
        sections = sum(section.weight for _, section in self.sections.each() if section is not None)
        return 2 * FRAME_CHARS + len(self.memory_md or "") + sections
