"""What one reading of an export saw, and how it was told to cut."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.domain.sample import SampleConversation
from shared.exports.conversation import Rejected

MAX_NAMED = 1000
"""Most rejected conversations the report names; all are counted."""


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
    messages: int = 0
    person_characters: int = 0
    passages: int = 0
    chunks: int = 0
    rejected: list[Rejected] = field(default_factory=list)
    superseded: list[Superseded] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)
    """Conversations whose latest version is empty or left out: nothing stored of them may stay."""
    sample: list[SampleConversation] = field(default_factory=list)
