"""Runs: requested, on their way, ended, reported. The rules are in supabase/migrations: 0002_imports.sql, and
0012_reading_runs.sql for reports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from shared.domain.discreet import Discreet
from shared.domain.events import Usage
from shared.domain.facts import ABOUT_SELF, SENTENCES, WITH_FACT
from shared.domain.runs import RunKey, RunKind
from shared.domain.sample import SampleConversation
from shared.store.call import Calls, call, rows

COMPLETE = "complete"
"""The state of a run whose memory is, or was, served."""
UNSERVED = "unserved"
"""What is told of a complete run whose memory is not served."""
ENDED = frozenset({COMPLETE, UNSERVED, "failed", "cancelled"})
"""States of which there is no way back."""
Unserved = Literal["older", "smaller", "outdone", "shadow", "held"]
"""Why: a newer run's memory is served; it would lose much of what is served, and is kept beside it; it has
sections only, where better ones are served; or it is a shadow run, of which nothing is served."""


class Reading(Discreet):
    """How far the reading of an export is."""

    model_config = ConfigDict(frozen=True)

    bytes_read: int = 0
    bytes_total: int = 0
    """In the unit of `bytes_read`, for a share."""
    conversations: int = 0


NOT_READ = Reading()


class RunRow(Discreet):
    """A run as `status` shows it."""

    model_config = ConfigDict(frozen=True)

    import_id: UUID
    run: int
    user_id: UUID
    pipeline: str
    kind: RunKind = RunKind.PRIMARY
    parent_id: UUID | None = None
    source: str
    state: str
    unserved: Unserved | None = None
    """Why the state is `unserved`, if it is."""
    progress_percent: float
    stage: str | None
    reading: Reading
    chunks_total: int | None
    chunks_ok: int
    chunks_dead: int
    facts_extracted: int
    coverage: float | None
    breaks: int = 0
    """Places where the export breaks: `coverage` is of what could be read."""
    cost: float | None
    error: dict[str, Any] | None
    lineages: tuple[str, ...] = ()
    """Those that its export is of; none before that was read."""
    redrives: int
    on_log: bool
    """Whether the services drive it, and not one process from end to end."""
    requested_at: datetime
    begun_at: datetime
    finished_at: datetime | None
    updated_at: datetime

    @property
    def ended(self) -> bool:
        return self.state in ENDED


class RunAccount(Discreet):
    """An account that a run read, and its lineage."""

    model_config = ConfigDict(frozen=True)

    vendor: str
    lineage: str
    conversations: int | None = None


class JoinedAccount(Discreet):
    """An account that another run read, and which run that was."""

    model_config = ConfigDict(frozen=True)

    vendor: str
    lineage: str
    import_id: UUID
    run: int


class Part(Discreet):
    """What was read of one account, and what was not, in the run that counts for it."""

    model_config = ConfigDict(frozen=True)

    lineage: str
    vendor: str
    conversations: int | None = None
    messages: int | None = None
    skipped: int | None = None
    """Conversations that could not be parsed."""
    lost: int | None = None
    """Messages of the others that could not be read."""
    chunks: int = 0
    dead: int = 0
    unread: int = 0
    """Conversations that the model could not read."""
    breaks: list[Any] = Field(default_factory=list)


class Joined(Discreet):
    """What a memory rests on."""

    model_config = ConfigDict(frozen=True)

    parts: list[Part]
    sample: list[SampleConversation]
    newest: datetime | None = None
    """When the newest of its facts was said."""


class RunReport(Discreet):
    """Everything the store knows of a run, for report.json."""

    model_config = ConfigDict(frozen=True)

    import_id: UUID
    run: int
    user_id: UUID
    pipeline: str
    kind: RunKind = RunKind.PRIMARY
    parent_id: UUID | None = None
    source: str
    variant: str
    state: str
    unserved: Unserved | None = None
    """Why the state is `unserved`, if it is."""
    served: RunKey | None = None
    """Whose memory is served to the user now."""
    accounts: tuple[RunAccount, ...] = ()
    """Those that its reading met, by number; none before its end."""
    joined: tuple[JoinedAccount, ...] = ()
    """Those of other lineages whose facts stand beside its own."""
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

    @property
    def refused(self) -> dict[str, int]:
        """Candidates that grounding refused, by reason."""
        return {reason: count for reason, count in self.dropped.items() if reason not in SENTENCES}

    @property
    def understood(self) -> tuple[int, int]:
        """Sentences about the person, where the model counts them, and how many of them gave a fact."""
        return self.dropped.get(ABOUT_SELF, 0), self.dropped.get(WITH_FACT, 0)


class Runs(Calls):
    """Methods of Store on the life of a run."""

    @call
    async def update_progress(
        self, import_id: UUID, run: int, percent: float, stage: str, reading: Reading = NOT_READ
    ) -> bool:
        """Show how far an unfinished run is (0 to 100), and its reading; False if it ended or is unknown."""

    @call
    async def note_progress(self, runs: Annotated[Sequence[RunKey], rows("import_id", "run")]) -> None:
        """Show how far these runs are, where their chunking is done."""

    @call
    async def fail_run(
        self, import_id: UUID, run: int, step: str, error: str, *, at_fault: bool = False
    ) -> bool:
        """End an unfinished run as failed; what the profile serves stays. `error` holds no person's text.
        `at_fault`: the export itself is, so that another pipeline could not do better; else a primary run on
        the log gets a fallback in the same transaction, once an import, where no sections are served. False
        if the run had ended before or is unknown."""

    @call
    async def cancel_run(self, import_id: UUID, run: int) -> bool:
        """End an unfinished run on the person's wish, and those beside it; False if it had ended before or is
        unknown."""

    @call
    async def list_runs(self, import_id: UUID | None = None, limit: int = 20) -> list[RunRow]:
        """Runs, newest first: of one import, or all."""

    @call
    async def read_run(self, import_id: UUID, run: int) -> RunReport | None:
        """Everything a report says of a run; None if there is no such run."""

    @call
    async def read_sample(self, import_id: UUID, run: int) -> list[SampleConversation]:
        """The sample as finish_chunking was given it, in its order; empty before."""

    @call
    async def read_joined(self, import_id: UUID, run: int, sample_size: int) -> Joined | None:
        """What a memory of the run rests on, as it was joined when it was claimed: every account that counts
        in it, and of all of them together the `sample_size` richest conversations. In an order that does not
        depend on which was imported first. None if there is no such run."""
