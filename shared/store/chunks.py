"""Passages, and the results of chunks. The rules are in supabase/migrations: 0003_conversation_chunks.sql and
0006_chunk_results.sql."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Protocol
from uuid import UUID

from pydantic import ConfigDict

from shared.domain.discreet import Discreet
from shared.domain.events import FactsExtracted
from shared.domain.runs import RunKey
from shared.domain.sample import SampleConversation
from shared.store.call import SPREAD, Calls, Sent, call


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

    @property
    def account(self) -> int:
        """Which of the accounts of its run it is of."""
        ...


@dataclass(frozen=True, slots=True)
class Saved:
    """Answer of save_chunks_batch: rows inserted or changed, and rows deleted."""

    written: int
    deleted: int


class StoredPassage(Discreet):
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


class FoundPassage(Discreet):
    """A passage that a search found; `snippet` is the text around the first word, or its beginning."""

    model_config = ConfigDict(frozen=True)

    conversation_id: str
    passage_index: int
    title: str
    created_at: datetime | None
    chunk_tier: str
    is_recent: bool
    snippet: str
    has_words: bool = True
    """Whether it holds every word that was searched for."""
    similarity: float | None = None
    """How near in meaning it is to what was searched for, 1 being the same; None: not looked at."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A result that was not recorded. `reason`: unknown, cancelled, older, finished, repeated,
    beyond total."""

    user_id: UUID
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
class DeadChunk:
    """A chunk of a run that no model could read."""

    index: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class ReadAccount:
    """An account as a reading met it, which finish_chunking finds the lineage of."""

    vendor: str
    account: str | None
    """The lineage that follows from the account's id, where the export has one."""
    history: str
    """The lineage that follows from its oldest conversations."""
    same_as: int | None = None
    """The number of the account whose history it is a part of, if it is."""
    conversations: int = 0
    messages: int = 0
    skipped: int = 0
    lost: int = 0
    chunks: int = 0
    breaks: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Chunking:
    """What a whole reading of an export gave, for finish_chunking."""

    total: int
    counts: dict[str, Any] = field(default_factory=dict)
    sample: Sequence[SampleConversation] = ()
    superseded: Sequence[Any] = ()
    """Items with `conversation_id`, `before_index` and `account` (mappings or dataclasses)."""
    accounts: Sequence[ReadAccount] = ()
    """By their numbers. None: all is of one account, of which nothing is known."""
    breaks: Sequence[dict[str, Any]] = ()
    forgotten: Sequence[str] = ()
    """Conversations of which nothing may stay: their passages are deleted, but for those that a newer run
    has."""


@dataclass(frozen=True, slots=True)
class ChunkingFinished:
    """Answer of finish_chunking. `ignored`, if nothing was noted: unknown, or the state of the run."""

    complete: bool
    ignored: str | None


def _passages(passages: Sequence[PassageRow]) -> list[dict[str, Any]]:
    return [
        {
            "conversation_id": p.conversation_id,
            "passage_index": p.passage_index,
            "title": p.title,
            "content": p.content,
            "token_count": p.token_count,
            "message_count": p.message_count,
            "created_at": p.created_at,
            "last": p.last,
            "account": p.account,
        }
        for p in passages
    ]


def _results(results: Sequence[tuple[FactsExtracted, Sequence[str]]]) -> list[dict[str, Any]]:
    return [{"event": event, "matters": matters} for event, matters in results]


class Chunks(Calls):
    """Methods of Store on passages and chunk results."""

    @call
    async def save_chunks_batch(
        self,
        user_id: UUID,
        passages: Annotated[Sequence[PassageRow], Sent(_passages)],
        *,
        of_run: Annotated[RunKey | None, SPREAD] = None,
        now: datetime | None = None,
    ) -> Saved:
        """Store passages of a run: unchanged rows are not rewritten, those beyond a `last` one are deleted.
        Conversations that a newer run of the user stored or deleted stay as they are. Without a run,
        passages are stored whatever is there.

        Raises StoreError (SP002) for a run that is not the user's. is_recent is as of `now`, by default the
        moment of the save. Batches of 1 to 2 MB are best.
        """

    @call
    async def read_passages(self, user_id: UUID, conversation_id: str) -> list[StoredPassage]:
        """All passages of one conversation, in order."""

    @call
    async def search_passages(self, user_id: UUID, search: str, limit: int = 20) -> list[FoundPassage]:
        """Passages that hold every word of `search` in title or content, newest first."""

    @call
    async def record_chunks(
        self,
        results: Annotated[Sequence[tuple[FactsExtracted, Sequence[str]]], Sent(_results)],
        *,
        model: str,
        prompt_version: str,
    ) -> Recorded:
        """Record results of chunks of any runs, each with one matter a fact, in one transaction.

        A chunk recorded twice changes nothing (`repeated`), except that an ok result mends a dead one
        until the run is claimed. Ok results that are not from the cache go into it.
        """

    @call
    async def read_dead_chunks(self, import_id: UUID, run: int, limit: int = 1000) -> list[DeadChunk]:
        """Chunks that no model could read, the first `limit` of them, and why."""

    @call
    async def finish_chunking(
        self, import_id: UUID, run: int, chunking: Annotated[Chunking, SPREAD]
    ) -> ChunkingFinished:
        """Say how many chunks the run has and what its reading found. Repeatable until the run is claimed.

        Facts of a superseded conversation from chunks before its `before_index` are deleted once all
        chunks are in; results of chunks beyond the total are deleted at once.
        """
