"""The chunker: what is cut of an export goes to a sink as passages and chunks, in order, as there is room."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

from services.chunker.cutting import Cut, Cutting
from services.chunker.passages import Passage
from services.chunker.report import ChunkingReport, ChunkPolicy
from shared.domain.events import ChunkReady, ConversationHeader, Message
from shared.domain.ids import stage_id
from shared.domain.runs import Priority
from shared.exports.conversation import Parsed
from shared.exports.export import Export

STAGE = "chunk"


@dataclass(frozen=True, slots=True)
class ChunkingJob:
    """Whose chunks these are."""

    import_id: UUID
    user_id: UUID
    run: int
    pipeline: str
    priority: Priority = "live"


class ChunkSink(Protocol):
    """Where the chunker puts what it makes; each call returns when there is room for more."""

    async def save_passages(self, passages: list[Passage]) -> None:
        """Store passages; called before the chunks of their conversations are published."""
        ...

    async def publish(self, chunk: ChunkReady) -> None:
        """Hand one chunk on. The last chunk of the run bears `total`."""
        ...


async def chunk_conversations(
    conversations: Iterable[Parsed],
    job: ChunkingJob,
    policy: ChunkPolicy,
    sink: ChunkSink,
    report: ChunkingReport,
) -> None:
    """Read all `conversations` once, in this process, and hand passages and chunks to `sink`, in order. For
    exports that are nobody's but whose process this is: see reading.py for others.

    `report` is filled as reading goes; its `chunks` is final when this returns. Raises what reading
    raises; what was settled before has reached the sink.
    """
    handing = Handing(job, policy, sink)
    for piece in Cutting(policy, report).pieces(conversations):
        await (handing.passage(piece) if isinstance(piece, Passage) else handing.cut(piece))
    await handing.end(report.chunks)


async def chunk_export(
    export: Export, job: ChunkingJob, policy: ChunkPolicy, sink: ChunkSink, report: ChunkingReport
) -> None:
    """As chunk_conversations, of a whole export, which the report then tells of."""
    await chunk_conversations(export.conversations(), job, policy, sink, report)
    report.conclude(export)


@dataclass(slots=True)
class Handing:
    """Hands on what comes of one reading: passages some at a time, chunks one behind."""

    job: ChunkingJob
    policy: ChunkPolicy
    sink: ChunkSink
    _batch: list[Passage] = field(default_factory=list)
    _batch_bytes: int = 0
    _held: ChunkReady | None = None
    """One chunk of look-ahead: only the last one bears the total."""

    async def passage(self, passage: Passage) -> None:
        """Take one passage."""
        self._batch.append(passage)
        self._batch_bytes += len(passage.content)
        if self._batch_bytes >= self.policy.passage_batch_bytes:
            await self._save()

    async def cut(self, cut: Cut) -> None:
        """Take one chunk."""
        if self._held is not None:
            await self.sink.publish(self._held)
        self._held = ready(cut, self.job)
        await asyncio.sleep(0)  # let the other stages have their turn

    async def end(self, total: int) -> None:
        """There were `total` chunks, and there is nothing more."""
        if self._batch:
            await self._save()
        if self._held is not None:
            await self.sink.publish(self._held.model_copy(update={"total": total}))

    async def _save(self) -> None:
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        await self.sink.save_passages(batch)


def ready(cut: Cut, job: ChunkingJob) -> ChunkReady:
    """The event of a chunk."""
    return ChunkReady.model_construct(  # of values made here: whoever reads it from a log validates it
        import_id=job.import_id,
        user_id=job.user_id,
        run=job.run,
        chunk_id=stage_id(job.import_id, job.pipeline, job.run, STAGE, cut.chunk_index),
        index=cut.chunk_index,
        content_hash=cut.content_hash,
        token_count=cut.token_count,
        conversations=tuple(
            ConversationHeader(key, title, _time_of(seconds)) for key, title, seconds in cut.conversations
        ),
        messages=tuple(
            Message(key, of, role, text, _time_of(seconds), abridged, part, standing)
            for key, of, role, text, seconds, abridged, part, standing in cut.messages
        ),
        account=cut.account,
        priority=job.priority,
    )


def _time_of(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
