"""Runs that events drive: taken, watched, looked up, found where they stand still. The rules are in
supabase/migrations: take_run in 0002_imports.sql, look-ups in 0005_extraction_cache.sql and
0006_chunk_results.sql, find_stalled in 0011_sweeping.sql, watch_run in 0012_reading_runs.sql."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, PlainValidator

from shared.domain.bounds import LineageName, Moment, RunNumber, Source
from shared.domain.discreet import Discreet
from shared.domain.events import ChunkReady, ImportReceived, Usage
from shared.domain.facts import Fact
from shared.domain.runs import Priority, ProfileFormat, RunKey, RunKind
from shared.store.answers import Answers
from shared.store.call import SPREAD, Calls, call, rows
from shared.store.runs import ENDED

ReplayStage = Literal["chunks", "facts", "memory"]
"""From where on a replay works anew: it reads the export; has the chunks read again; has the facts."""


class WrittenRun(Discreet):
    """A run whose chunks were put on the log."""

    model_config = ConfigDict(frozen=True)

    run: RunNumber
    pipeline: str
    begun_at: datetime
    """From when on."""
    read_at: datetime
    """When its reading ended: most of its chunks were on the log by then."""
    ended_at: datetime
    """When it was heard of last: whatever was put there again, was there by then."""


class ReplayOf(Discreet):
    """What a run of a replay is made from."""

    model_config = ConfigDict(frozen=True)

    stage: ReplayStage
    base_run: RunNumber
    """The run of the same import that it is to replace."""
    same_chunks: bool
    """Whether its chunks have the same indices and contents."""
    total: int | None
    """How many chunks it has, once that is told: then the reading of its base was taken over."""
    written: tuple[WrittenRun, ...]
    """Where its chunks lie on the log, if they do still: of its base, then of what that was made from."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Answer of take_run. `refusal` if there is nothing to do: older, complete, failed, cancelled, extracted;
    or must not be: foreign, elsewhere. `variant` is the one with which the run was begun, `kind` what it is
    for; `replay` what it is made from, if it is of a replay."""

    refusal: str | None
    variant: str = ""
    kind: RunKind = RunKind.PRIMARY
    replay: ReplayOf | None = None
    begins: int = 1
    """How many have begun it, this one included, without coming further and without leaving it."""


@dataclass(frozen=True, slots=True)
class RunWatch:
    """Answer of watch_run: the state of a run, and how many of its chunks are in."""

    state: str
    done: int

    @property
    def ended(self) -> bool:
        return self.state in ENDED


class ChunkRanges:
    """Which chunks of a run are in: ascending ranges, since most of a run is one range."""

    __slots__ = ("_firsts", "_lasts", "count")

    def __init__(self, ranges: Sequence[Sequence[int]] = ()) -> None:
        self._firsts = [first for first, _ in ranges]
        self._lasts = [last for _, last in ranges]
        self.count = sum(last - first + 1 for first, last in ranges)

    def __contains__(self, index: int) -> bool:
        place = bisect_right(self._firsts, index) - 1
        return place >= 0 and index <= self._lasts[place]


class CachedExtraction(Discreet):
    """What a chunk of the same content gave before."""

    model_config = ConfigDict(frozen=True)

    facts: tuple[Fact, ...]
    dropped: dict[str, int] = Field(default_factory=dict)
    unread: tuple[str, ...] = ()
    usage: Usage = Usage()


class KnownExtraction(CachedExtraction):
    """With whose and which content it is of."""

    user_id: UUID
    content_hash: str


def _by_chunk(refused: Sequence[Mapping[str, Any]]) -> dict[tuple[Any, ...], Any]:
    return {
        (each["user_id"], each["import_id"], each["run"], each["index"]): each["reason"] for each in refused
    }


@cache
def _known() -> Answers:
    return Answers("look_up_chunks", list[KnownExtraction])


def _by_content(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[UUID, str], KnownExtraction]:
    # What cannot be read is read anew, as if the cache did not hold it: the call is for others' chunks too.
    return {(each.user_id, each.content_hash): each for each in _known().read(rows)}


@dataclass(frozen=True, slots=True)
class LookUp:
    """Answer of look_up_chunks: reasons by user, import, run and index, extractions by user and content."""

    refused: Annotated[Mapping[tuple[UUID, UUID, int, int], str], BeforeValidator(_by_chunk)]
    known: Annotated[Mapping[tuple[UUID, str], CachedExtraction], PlainValidator(_by_content)]


class Stalled(Discreet):
    """A run that does not move, and what to do about it."""

    model_config = ConfigDict(frozen=True)

    import_id: UUID
    run: RunNumber
    user_id: UUID
    source: Source
    requested_at: Moment
    lineage: LineageName | None = None
    kind: RunKind = RunKind.PRIMARY
    parent_id: UUID | None = None
    priority: Priority = "live"
    action: Literal["consolidate", "publish", "import"]
    redrives: int
    """How often it was driven again without a chunk coming in, this time included."""
    driven: bool
    """Whether it stood still. Else it is complete since a moment, and only offered for consolidation."""

    @property
    def key(self) -> RunKey:
        return RunKey(self.import_id, self.run)


class Driving(Calls):
    """Methods of Store for those who drive runs."""

    @call
    async def take_run(
        self,
        event: Annotated[ImportReceived, SPREAD],
        pipeline: str,
        variant: str,
        *,
        on_log: bool = True,
        profile_format: ProfileFormat = "markdown",
        taker: str | None = None,
    ) -> Taken:
        """Begin the run that the event names, or go on with it; older unfinished runs of the import and of
        its kind end. Kind and parent are the event's; a run that is there keeps its own. `on_log` as in
        accept_import; `profile_format` is how the profile is told of it; `taker` names who takes it, and is
        another for each process that ever does: None is nobody who was there before."""

    @call
    async def leave_run(self, import_id: UUID, run: int, taker: str) -> None:
        """Say that a run has not killed who took it, if they did."""

    @call
    async def watch_run(self, import_id: UUID, run: int) -> RunWatch | None:
        """How a run stands; None if there is no such run. Cheap."""

    @call
    async def recorded_chunks(
        self, import_id: UUID, run: int
    ) -> Annotated[ChunkRanges, PlainValidator(ChunkRanges)]:
        """Which chunks of a run are in."""

    @call
    async def chunk_hashes(
        self, import_id: UUID, run: int, indices: Sequence[int]
    ) -> Annotated[Mapping[int, str], PlainValidator(dict)]:
        """What these chunks of a run held, as far as they have a result."""

    @call
    async def look_up_chunks(
        self,
        chunks: Annotated[Sequence[ChunkReady], rows("user_id", "import_id", "run", "index", "content_hash")],
        model: str,
        prompt_version: str,
    ) -> LookUp:
        """Which of these chunks nobody wants any more, and what the cache holds for the others."""

    @call
    async def cached_hashes(
        self, user_id: UUID, model: str, prompt_version: str, hashes: Sequence[str]
    ) -> set[str]:
        """Which of these contents the cache holds."""

    @call
    async def find_stalled(
        self,
        pipeline: str,
        stall_seconds: float,
        *,
        owner: str = "",
        import_id: UUID | None = None,
        begun: bool = False,
        limit: int = 100,
    ) -> list[Stalled]:
        """Runs to drive again, of those that are leased to nobody but `owner`; each is noted as driven. Of
        this import, run by one process; or of all that the services drive, with `begun` without those that
        still wait for their event."""
