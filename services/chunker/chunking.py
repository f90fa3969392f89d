"""The chunker: conversations in; passages, chunks and the sample out, a few conversations at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol
from uuid import UUID

from services.chunker.accounts import Accounts, Reading
from services.chunker.packing import Piece
from services.chunker.passages import Passage, passages_of
from services.chunker.prompt_view import Span, content_hash, spans_of, time_of
from services.chunker.report import MAX_NAMED, ChunkingReport, ChunkPolicy, Superseded
from shared.domain.events import ChunkReady, ConversationHeader, Message
from shared.domain.ids import stage_id
from shared.domain.runs import Priority
from shared.domain.text import text_size
from shared.exports.beside import next_beside
from shared.exports.conversation import (
    Conversation,
    LargeAhead,
    LeftOut,
    Parsed,
    PassedOver,
    Rejected,
)
from shared.exports.versions import Standing, Versions

STAGE = "chunk"

Step = tuple[list[Passage], list[ChunkReady]] | LargeAhead


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
    """Read all `conversations` once and hand passages and chunks to `sink`, in order.

    `report` is filled as reading goes; its `chunks` is final when this returns. Raises what reading
    raises; what was settled before has reached the sink.
    """
    steps = _Chunking(job, policy, report).steps(conversations)
    batch: list[Passage] = []
    batch_bytes = 0
    held: ChunkReady | None = None  # one chunk of look-ahead: only the last one bears the total
    step = next(steps, None)
    while step is not None:
        if isinstance(step, LargeAhead):
            step = await next_beside(steps)
            continue
        passages, chunks = step
        for passage in passages:
            batch.append(passage)
            batch_bytes += len(passage.content)
            if batch_bytes >= policy.passage_batch_bytes:
                await sink.save_passages(batch)
                batch, batch_bytes = [], 0
        for chunk in chunks:
            if held is not None:
                await sink.publish(held)
            held = chunk
            await asyncio.sleep(0)  # reading is synchronous: let the other stages have their turn
        step = next(steps, None)
    if batch:
        await sink.save_passages(batch)
    if held is not None:
        await sink.publish(held.model_copy(update={"total": report.chunks}))


@dataclass(slots=True)
class _Chunking:
    """The state of one reading: the accounts and the versions of conversations met."""

    job: ChunkingJob
    policy: ChunkPolicy
    report: ChunkingReport
    _accounts: Accounts = field(init=False)
    _versions: Versions = field(default_factory=Versions)

    def __post_init__(self) -> None:
        self._accounts = Accounts(self.policy)

    def steps(self, conversations: Iterable[Parsed]) -> Iterator[Step]:
        """For each conversation its passages and the chunks it settled, after LARGE_AHEAD where that takes
        long; at the end, what was left."""
        report = self.report
        for parsed in conversations:
            if isinstance(parsed, PassedOver):
                report.passed_over[parsed.what] += 1
                continue
            if isinstance(parsed, LargeAhead):
                yield parsed
                continue
            report.seen += 1
            reading = self._accounts.of(parsed.account)
            if isinstance(parsed, Rejected):
                self._skip(parsed, reading)
            elif isinstance(parsed, LeftOut):
                report.left_out += 1
                yield [], self._forget(parsed.id, parsed.updated_at, reading)
            elif not parsed.turns:
                report.empty += 1
                yield [], self._forget(parsed.id, parsed.updated_at, reading)
            else:
                yield self._take(parsed, reading)
        for reading in self._accounts.all:
            standing = reading.instructions.conversation()
            if standing is not None:
                yield self._cut(standing, reading)
            report.sample += [
                replace(each, account=reading.number) for each in reading.sample.conversations()
            ]
            yield [], self._flush(reading)
        report.accounts = self._accounts.reports()

    def _skip(self, rejected: Rejected, reading: Reading) -> None:
        reading.report.skipped += 1
        self.report.skipped += 1
        if len(self.report.rejected) < MAX_NAMED:
            self.report.rejected.append(rejected)

    def _forget(self, conversation_id: str, updated_at: float | None, reading: Reading) -> list[ChunkReady]:
        """The conversation is empty or left out: unless a later version was met, nothing of it stays."""
        report = self.report
        standing, messages, characters, before = self._note(conversation_id, updated_at, 0, 0, reading)
        if standing is Standing.OLDER:
            return []
        report.forgotten.add(conversation_id)
        if not messages:
            return []
        report.kept -= 1
        report.duplicates += 1
        report.messages -= messages
        report.person_characters -= characters
        return self._supersede(conversation_id, messages, before)

    def _take(self, conversation: Conversation, reading: Reading) -> tuple[list[Passage], list[ChunkReady]]:
        """Nothing for an older version of a conversation already seen."""
        report = self.report
        said = 0
        for turn in conversation.turns:
            if turn.role == "user":
                said += len(turn.text)
        count = len(conversation.turns)
        standing, void_messages, void_characters, before = self._note(
            conversation.id, conversation.updated_at, count, said, reading
        )
        if standing is Standing.OLDER:
            report.duplicates += 1
            return [], []
        closed: list[ChunkReady] = []
        if void_messages:
            report.duplicates += 1
            closed = self._supersede(conversation.id, void_messages, before)
        else:
            report.kept += 1
            report.forgotten.discard(conversation.id)
        if conversation.lost:
            report.lose(conversation)
        report.messages += count - void_messages
        report.person_characters += said - void_characters
        reading.keep(conversation, said)
        passages, chunks = self._cut(conversation, reading)
        return passages, closed + chunks

    def _note(
        self, conversation_id: str, updated_at: float | None, messages: int, said: int, reading: Reading
    ) -> tuple[Standing, int, int, int]:
        """Of one vendor, an id is one conversation, whichever of its accounts shows it."""
        key = reading.report.account.vendor, conversation_id
        noted = self._versions.note(key, updated_at or 0.0, messages, said, reading.number)
        self._accounts.met(reading.number, noted[-1])
        return noted

    def _supersede(self, conversation_id: str, messages: int, account: int) -> list[ChunkReady]:
        """Close the chunks of the older version, so that the newer one lies in later chunks only."""
        reading = self._accounts.all[account]
        reading.drop(conversation_id, messages)
        chunks = self._flush(reading)
        self.report.superseded.append(Superseded(conversation_id, self.report.chunks, account))
        return chunks

    def _flush(self, reading: Reading) -> list[ChunkReady]:
        return [self._chunk(piece, reading) for piece in reading.packer.flush()]

    def _cut(self, conversation: Conversation, reading: Reading) -> tuple[list[Passage], list[ChunkReady]]:
        policy = self.policy
        chunks: list[ChunkReady] = []
        sizes = [text_size(turn.text) for turn in conversation.turns]
        for span, tokens, gap in spans_of(conversation, sizes, policy.chunk_tokens, policy.context_chars):
            chunks.extend(self._chunk(piece, reading) for piece in reading.packer.push(span, tokens, gap))
        passages = passages_of(conversation, sizes, policy.passage_tokens, reading.number)
        self.report.passages += len(passages)
        return passages, chunks

    def _chunk(self, piece: Piece[Span], reading: Reading) -> ChunkReady:
        index = self.report.chunks
        self.report.chunks += 1
        reading.report.chunks += 1
        job = self.job
        conversations: dict[str, ConversationHeader] = {}
        messages: list[Message] = []
        for span in piece.items:
            of = span.conversation
            if of.id not in conversations:
                conversations[of.id] = ConversationHeader(of.id, of.title, time_of(of.created_at))
            messages += span.messages
        return ChunkReady.model_construct(  # of values made here: whoever reads it from a log validates it
            import_id=job.import_id,
            user_id=job.user_id,
            run=job.run,
            chunk_id=stage_id(job.import_id, job.pipeline, job.run, STAGE, index),
            index=index,
            content_hash=content_hash(piece.items),
            token_count=piece.size,
            conversations=tuple(conversations.values()),
            messages=tuple(messages),
            account=reading.number,
            priority=job.priority,
        )
