"""One reading of an export for first sections: its richest conversations, and what was seen on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from shared.domain.errors import UnreadableExportError
from shared.domain.sample import SampleConversation
from shared.english.excerpts import own_excerpt
from shared.exports.containers.members import Break
from shared.exports.conversation import (
    Account,
    Conversation,
    LeftOut,
    Parsed,
    PassedOver,
    Rejected,
)
from shared.exports.instructions import Instructions
from shared.exports.nothing import why_nothing
from shared.exports.richest import Sample, standing_of
from shared.exports.versions import Standing, Versions

MOST_NAMED = 100
"""Most reasons for which conversations were refused that are kept."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a reading comes to."""

    conversations: list[SampleConversation]
    counts: dict[str, Any]
    """What the store keeps of the reading: see `imports.counts`."""
    breaks: list[Break]
    kept: int


@dataclass(slots=True)
class Sampling:
    """What a reading has met so far. Of each conversation its latest version counts, and nothing of one that
    the person wants left out; it holds some 150 bytes of each, and `size` of them clipped."""

    size: int
    seen: int = 0
    kept: int = 0
    empty: int = 0
    skipped: int = 0
    left_out: int = 0
    duplicates: int = 0
    messages: int = 0
    person_characters: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)
    _reasons: list[str] = field(default_factory=list)
    _instructions: Instructions = field(default_factory=Instructions)
    _versions: Versions = field(default_factory=Versions)
    _sample: Sample = field(init=False)

    def __post_init__(self) -> None:
        self._sample = Sample(self.size, own_excerpt)

    def take(self, parsed: Parsed) -> None:
        """Count in what a format yields."""
        if isinstance(parsed, PassedOver):
            self.passed_over[parsed.what] += 1
        else:
            self.seen += 1
            if isinstance(parsed, Rejected):
                self.skipped += 1
                if len(self._reasons) < MOST_NAMED:
                    self._reasons.append(parsed.reason)
            elif isinstance(parsed, LeftOut):
                self.left_out += 1
                self._note(parsed.account, parsed.id, parsed.updated_at, 0, 0)
            else:
                self._keep(parsed)

    def conversations(self) -> list[SampleConversation]:
        """The sample: the person's standing instructions, then the richest conversations."""
        richest = self._sample.conversations()
        standing = self._instructions.conversation()
        if standing is None:
            return richest
        return [standing_of(standing), *richest[: self.size - 1]]

    def require_something(self, breaks: Sequence[Break]) -> None:
        """Raises UnreadableExportError if nothing came of an export that was not empty."""
        if not self.kept and (
            why := why_nothing(self.seen, self.skipped, self._reasons, self.passed_over, breaks)
        ):
            raise UnreadableExportError(why)

    def counts(self, formats: Sequence[str]) -> dict[str, Any]:
        """What the store keeps of the reading: see `imports.counts`."""
        return {
            "format": ", ".join(formats) or None,
            "conversations": {
                "seen": self.seen,
                "kept": self.kept,
                "skipped_count": self.skipped,
                "empty": self.empty,
                "left_out": self.left_out,
                "duplicates": self.duplicates,
                "passed_over": dict(self.passed_over),
            },
            "messages": self.messages,
            "person_characters": self.person_characters,
        }

    def _keep(self, conversation: Conversation) -> None:
        said = sum(len(turn.text) for turn in conversation.turns if turn.role == "user")
        messages = len(conversation.turns)
        if not messages:
            self.empty += 1
        newest = self._note(conversation.account, conversation.id, conversation.updated_at, messages, said)
        if not newest or not messages:
            return
        if conversation.custom_instructions:
            self._instructions.note(conversation.custom_instructions, conversation.created_at)
        if said:
            self._sample.offer(conversation, said)

    def _note(
        self, account: Account | None, key: str, updated_at: float | None, messages: int, said: int
    ) -> bool:
        """Whether it is the latest version of the conversation; what an earlier one gave is taken back."""
        vendor = account.vendor if account is not None else ""
        standing, had_messages, had_said, _ = self._versions.note(
            (vendor, key), updated_at or 0.0, messages, said, 0
        )
        if standing is Standing.OLDER:
            self.duplicates += bool(messages)
            return False
        self.kept += bool(messages) - bool(had_messages)
        self.duplicates += bool(had_messages)
        self.messages += messages - had_messages
        self.person_characters += said - had_said
        if standing is Standing.NEWER:
            self._sample.discard(key)
        return True
