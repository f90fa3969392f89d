"""Dead letters as the database knows them: which there are, what was done about each, and who did what. The
rules are in supabase/migrations/0030_dead_letters.sql."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict

from shared.domain.discreet import Discreet
from shared.store.call import SPREAD, Calls, call

LetterState = Literal["open", "requeued", "dropped"]
Settled = Literal["requeued", "dropped"]


class LetterPosition(Discreet):
    """How far one partition of a dead-letter topic has been read."""

    model_config = ConfigDict(frozen=True)

    topic: str
    """The topic of the records, without a prefix: the letters lie on the one with .dlq behind it."""
    partition: int
    generation: int = 0
    """Which of the topics that there were under this name."""
    begin_offset: int = 0
    next_offset: int = 0
    last_timestamp: int | None = None
    """Of the last letter that was read, Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class NewLetter:
    """A letter as it is recorded: no text of a person, and nothing that was not looked at."""

    id: UUID
    letter_offset: int
    buried_at: datetime
    size: int
    record_partition: int | None = None
    record_offset: int | None = None
    ce_id: UUID | None = None
    import_id: UUID | None = None
    user_id: UUID | None = None
    run: int | None = None
    chunk_id: UUID | None = None
    reason: str | None = None
    error_class: str | None = None
    attempts: int | None = None
    stage: str | None = None


class LetterRow(Discreet):
    """A dead letter."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    topic: str
    letter_partition: int
    letter_offset: int
    generation: int
    record_partition: int | None
    record_offset: int | None
    ce_id: UUID | None
    import_id: UUID | None
    user_id: UUID | None
    run: int | None
    chunk_id: UUID | None
    reason: str | None
    error_class: str | None
    attempts: int | None
    stage: str | None
    size: int
    burial: int
    """How often its event had been buried by then, this time included."""
    buried_at: datetime
    state: LetterState
    changed_by: str | None
    changed_why: str | None
    changed_at: datetime | None
    gone: bool
    """Whether it lies on the log no more, as far as was looked."""

    @property
    def key(self) -> tuple[str, int, int, UUID]:
        """Where the next page begins after it."""
        return self.topic, self.letter_partition, self.letter_offset, self.id


@dataclass(frozen=True, slots=True)
class LetterFilter:
    """Which letters are asked for; None: whichever."""

    ids: Sequence[UUID] | None = None
    topic: str | None = None
    reason: str | None = None
    import_id: UUID | None = None
    user_id: UUID | None = None
    since: datetime | None = None
    state: LetterState | None = None


class LetterGroup(Discreet):
    """Letters of one topic, reason and class of error."""

    model_config = ConfigDict(frozen=True)

    topic: str
    reason: str | None
    error_class: str | None
    open: int
    requeued: int
    dropped: int
    gone: int
    """Of the open ones those that lie on the log no more."""
    again: int
    """Those of an event that had been buried before."""
    oldest: datetime
    newest: datetime


class LetterList(Discreet):
    """Answer of list_dead_letters. `led`: somebody reads dead-letter topics at present."""

    model_config = ConfigDict(frozen=True)

    groups: tuple[LetterGroup, ...]
    led: bool


class OpenLetters(Discreet):
    """How many letters of a topic and reason are open."""

    model_config = ConfigDict(frozen=True)

    topic: str
    reason: str
    open: int


@dataclass(frozen=True, slots=True)
class Requeue:
    """A letter that is to be requeued, with what its event says. `edition` and `memory` of a MemoryReady."""

    id: UUID
    import_id: UUID
    user_id: UUID
    run: int
    index: int | None = None
    edition: int | None = None
    memory: Mapping[str, Any] | None = None


class RefusedRequeue(Discreet):
    """A letter that must not be requeued, and why: see take_dead_letters in the migration."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    reason: str


class AuditLine(Discreet):
    """Who did what."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    who: str
    what: str
    subject: str
    why: str


class DeadLetters(Calls):
    """Methods of Store on dead letters."""

    @call
    async def read_dead_letter_positions(self) -> list[LetterPosition]:
        """How far each dead-letter topic has been read."""

    @call
    async def record_dead_letters(
        self,
        topic: str,
        partition: int,
        generation: int,
        from_offset: int,
        begin_offset: int,
        next_offset: int,
        last_timestamp: int | None,
        letters: Sequence[NewLetter],
        *,
        anew: bool = False,
    ) -> int | None:
        """Record letters, and that their partition was read on to `next_offset`; how many of them were new.
        None if it was read by another meanwhile. `anew`: the topic is another than the one that was read."""

    @call
    async def list_dead_letters(
        self, asked: Annotated[LetterFilter, SPREAD], limit: int = 1000
    ) -> LetterList:
        """Letters by topic, reason and class of error, the most open ones first."""

    @call
    async def find_dead_letters(
        self,
        asked: Annotated[LetterFilter, SPREAD],
        *,
        ends: Mapping[str, Mapping[str, int]] | None = None,
        after: tuple[str, int, int, UUID] | None = None,
        limit: int = 1000,
    ) -> list[LetterRow]:
        """Letters in the order in which they lie, `after` the key of one of them. `ends`: of each topic and
        partition, before which offset they must lie; none where it does not say."""

    @call
    async def count_open_letters(self, limit: int) -> list[OpenLetters]:
        """Open letters by topic and reason, the most first."""

    @call
    async def take_dead_letters(
        self, letters: Sequence[Requeue], *, force: bool = False
    ) -> list[RefusedRequeue]:
        """Open the runs again for which these letters' records are about to be put on their topics; which of
        the letters must not be, and why."""

    @call
    async def settle_dead_letters(
        self, ids: Sequence[UUID], state: Settled, *, by: str, reason: str
    ) -> list[UUID]:
        """Note what was done about open letters; which of these were open."""

    @call
    async def note_audit(self, who: str, what: str, subject: str, why: str = "") -> int:
        """Write down that somebody does something, before it is done."""

    @call
    async def read_audit(self, subject: str, limit: int = 100) -> list[AuditLine]:
        """What was done to a subject, the newest first."""
