"""Conversations in; passages and chunks out, one at a time. It knows no event and no log: workers run it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from services.chunker.accounts import Accounts, Reading
from services.chunker.packing import Piece
from services.chunker.passages import Passage, passages_of
from services.chunker.prompt_view import MessageCut, Span, content_hash, spans_of
from services.chunker.report import MAX_NAMED, ChunkingReport, ChunkPolicy, Superseded
from shared.domain.text import text_size
from shared.exports.conversation import (
    Conversation,
    LeftOut,
    Parsed,
    PassedOver,
    Rejected,
)
from shared.exports.versions import Standing, Versions


class Cut(NamedTuple):
    """A chunk as it is cut: all of what JSON can say. `chunking.ready` makes the event of it."""

    chunk_index: int
    content_hash: str
    token_count: int
    account: int
    conversations: list[tuple[str, str, float | None]]
    """(id, title, Unix seconds) of each, in order of first appearance."""
    messages: list[MessageCut]


@dataclass(slots=True)
class Cutting:
    """The state of one reading: the accounts and the versions of conversations met."""

    policy: ChunkPolicy
    report: ChunkingReport
    _accounts: Accounts = field(init=False)
    _versions: Versions = field(default_factory=Versions)

    def __post_init__(self) -> None:
        self._accounts = Accounts(self.policy)

    def pieces(self, conversations: Iterable[Parsed]) -> Iterator[Passage | Cut]:
        """For each conversation its passages and the chunks it settled; at the end, what was left."""
        report = self.report
        for parsed in conversations:
            if isinstance(parsed, PassedOver):
                report.passed_over[parsed.what] += 1
                continue
            report.seen += 1
            reading = self._accounts.of(parsed.account)
            if isinstance(parsed, Rejected):
                self._skip(parsed, reading)
            elif isinstance(parsed, LeftOut):
                report.left_out += 1
                yield from self._forget(parsed.id, parsed.updated_at, reading)
            elif not parsed.turns:
                report.empty += 1
                yield from self._forget(parsed.id, parsed.updated_at, reading)
            else:
                yield from self._take(parsed, reading)
        for reading in self._accounts.all:
            standing = reading.instructions.conversation()
            if standing is not None:
                yield from self._cut(standing, reading)
            report.sample += [
                replace(each, account=reading.number) for each in reading.sample.conversations()
            ]
            yield from self._flush(reading)
        report.accounts = self._accounts.reports()

    def _skip(self, rejected: Rejected, reading: Reading) -> None:
        reading.report.skipped += 1
        self.report.skipped += 1
        if len(self.report.rejected) < MAX_NAMED:
            self.report.rejected.append(rejected)

    def _forget(self, conversation_id: str, updated_at: float | None, reading: Reading) -> list[Cut]:
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

    def _take(self, conversation: Conversation, reading: Reading) -> Iterator[Passage | Cut]:
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
            return
        closed: list[Cut] = []
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
        yield from closed
        yield from self._cut(conversation, reading)

    def _note(
        self, conversation_id: str, updated_at: float | None, messages: int, said: int, reading: Reading
    ) -> tuple[Standing, int, int, int]:
        """Of one vendor, an id is one conversation, whichever of its accounts shows it."""
        key = reading.report.account.vendor, conversation_id
        noted = self._versions.note(key, updated_at or 0.0, messages, said, reading.number)
        self._accounts.met(reading.number, noted[-1])
        return noted

    def _supersede(self, conversation_id: str, messages: int, account: int) -> list[Cut]:
        """Take the older version out of the chunks that are still open. If some of it lies in others, close
        those too, so that the newer one lies in later chunks only."""
        reading = self._accounts.all[account]
        reading.drop(conversation_id, messages)
        taken = reading.packer.take_out(lambda span: span.conversation.id == conversation_id)
        if sum(message[6] == 0 for span in taken for message in span.messages) == messages:
            return []
        chunks = self._flush(reading)
        self.report.superseded.append(Superseded(conversation_id, self.report.chunks, account))
        return chunks

    def _flush(self, reading: Reading) -> list[Cut]:
        return [self._chunk(piece, reading) for piece in reading.packer.flush()]

    def _cut(self, conversation: Conversation, reading: Reading) -> Iterator[Passage | Cut]:
        policy = self.policy
        sizes = [text_size(turn.text) for turn in conversation.turns]
        for passage in passages_of(conversation, sizes, policy.passage_tokens, reading.number):
            self.report.passages += 1
            yield passage
        for span, tokens, gap in spans_of(conversation, sizes, policy.chunk_tokens, policy.context_chars):
            for piece in reading.packer.push(span, tokens, gap):
                yield self._chunk(piece, reading)

    def _chunk(self, piece: Piece[Span], reading: Reading) -> Cut:
        index = self.report.chunks
        self.report.chunks += 1
        reading.report.chunks += 1
        conversations: dict[str, tuple[str, str, float | None]] = {}
        messages: list[MessageCut] = []
        for span in piece.items:
            of = span.conversation
            if of.id not in conversations:
                conversations[of.id] = (of.id, of.title, of.created_at)
            messages += span.messages
        return Cut(
            index, content_hash(piece.items), piece.size, reading.number, [*conversations.values()], messages
        )
