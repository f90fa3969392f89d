"""What one reading of an export saw, and how it was told to cut."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields

from shared.domain.sample import SampleConversation
from shared.exports.containers.members import Break
from shared.exports.conversation import Account, Conversation, Rejected
from shared.exports.export import Export

MAX_NAMED = 1000
"""Most rejected conversations the report names; all are counted."""
MAX_BREAKS = 1000
"""Most places where an export breaks that are named; a damaged archive has one for each of its files."""
MAX_REASONS = 50
"""Most reasons for lost messages that are told apart: they name fields of a stranger's file."""


@dataclass(frozen=True, slots=True)
class ChunkPolicy:
    """How chunks and passages are cut. Sizes in estimated tokens, `context_chars` in characters."""

    chunk_tokens: int = 4000
    context_chars: int = 600
    passage_tokens: int = 2000
    sample_size: int = 200
    passage_batch_bytes: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Superseded:
    """A conversation of which a newer version came later: what chunks before `before_index` say is void."""

    conversation_id: str
    before_index: int
    account: int = 0
    """Which account that version was read of."""


@dataclass(slots=True)
class AccountReport:
    """What was read of one account."""

    account: Account
    conversations: int = 0
    messages: int = 0
    skipped: int = 0
    lost: int = 0
    chunks: int = 0
    oldest: tuple[str, ...] = ()
    """Ids of its oldest conversations: what an account is known by of which the export has no id."""
    breaks: list[Break] = field(default_factory=list)
    """Where its files break, as far as it can be told whose they are: of others, those of the first."""
    same_as: int | None = None
    """The account whose history it is a part of, where it has no id and their conversations show it."""


@dataclass(slots=True)
class ChunkingReport:
    """Counts of one reading. Seen = kept + skipped + empty + left_out + duplicates."""

    seen: int = 0
    kept: int = 0
    """Distinct conversations with at least one visible message."""
    skipped: int = 0
    empty: int = 0
    left_out: int = 0
    duplicates: int = 0
    """Further versions of a conversation already seen; the latest one counts."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """Records among them that are no conversations, by what they are. Not in `seen`."""
    lost: Counter[str] = field(default_factory=Counter)
    """Messages of kept conversations that may be the person's and are in no turn, by why."""
    messages: int = 0
    person_characters: int = 0
    passages: int = 0
    chunks: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    superseded: list[Superseded] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)
    """Conversations whose latest version is empty or left out: nothing stored of them may stay."""
    sample: list[SampleConversation] = field(default_factory=list)
    accounts: list[AccountReport] = field(default_factory=list)
    """In the order of their numbers."""
    formats: tuple[str, ...] = ()
    breaks: list[Break] = field(default_factory=list)
    """Places where the export breaks."""
    bytes_read: int = 0
    bytes_total: int = 0

    def at(self, export: Export) -> None:
        """Note how far an export is read."""
        self.bytes_read, self.bytes_total = export.bytes_read, export.bytes_total

    def conclude(self, export: Export) -> None:
        """Note what an export that was read to its end has told of itself."""
        self.at(export)
        self.formats, self.breaks = export.format_names, named_breaks(export.breaks)
        numbers = {each.account: number for number, each in enumerate(self.accounts)}
        for one in self.breaks if self.accounts else ():
            owner = export.account_at(one.file)
            self.accounts[numbers.get(owner, 0) if owner else 0].breaks.append(one)

    def become(self, other: ChunkingReport) -> None:
        """Take over all that another says."""
        for each in fields(self):
            setattr(self, each.name, getattr(other, each.name))

    def lose(self, conversation: Conversation) -> None:
        """Count the messages of a kept conversation that could not be read."""
        for reason in conversation.lost:
            known = reason in self.lost or len(self.lost) < MAX_REASONS
            self.lost[reason if known else "for another reason"] += 1


def named_breaks(breaks: list[Break]) -> list[Break]:
    """The first MAX_BREAKS, the last of which says how many more there are."""
    if len(breaks) <= MAX_BREAKS:
        return breaks
    more = len(breaks) - MAX_BREAKS + 1
    return [*breaks[: MAX_BREAKS - 1], Break("", "", f"and {more:,} more files, which break or are refused")]
