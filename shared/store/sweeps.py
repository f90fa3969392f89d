"""Runs that events drive: taken, watched, swept. The rules are in supabase/migrations/0007_log.sql."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter

from shared.domain.events import ChunkReady, ImportReceived, MemoryReady
from shared.domain.runs import RunKey
from shared.store.records import CachedExtraction, Reading, Refused
from shared.store.transport import Transport


@dataclass(frozen=True, slots=True)
class Taken:
    """Answer of take_run. `refusal` if there is nothing to do: older, complete, failed, cancelled, extracted;
    or must not be: foreign, elsewhere. `variant` is the one with which the run was begun."""

    refusal: str | None
    variant: str = ""


@dataclass(frozen=True, slots=True)
class RunWatch:
    """Answer of watch_run: the state of a run, and how many of its chunks are in."""

    state: str
    done: int

    @property
    def ended(self) -> bool:
        return self.state in ("complete", "failed", "cancelled")


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


@dataclass(frozen=True, slots=True)
class LookUp:
    """Answer of look_up_chunks: reasons by (import, run, index), extractions by (user, content hash)."""

    refused: Mapping[tuple[UUID, int, int], str]
    known: Mapping[tuple[UUID, str], CachedExtraction]


class Stalled(BaseModel):
    """A run that does not move, and what to do about it."""

    model_config = ConfigDict(frozen=True)

    import_id: UUID
    run: int
    user_id: UUID
    source: str
    requested_at: datetime
    action: Literal["consolidate", "publish", "import"]
    redrives: int
    """How often it was driven again without a chunk coming in, this time included."""
    driven: bool
    """Whether it stood still. Else it is complete since a moment, and only offered for consolidation."""

    @property
    def key(self) -> RunKey:
        return RunKey(self.import_id, self.run)


class RunRow(BaseModel):
    """A run as `status` shows it."""

    model_config = ConfigDict(frozen=True)

    import_id: UUID
    run: int
    user_id: UUID
    pipeline: str
    source: str
    state: str
    progress_percent: float
    stage: str | None
    reading: Reading
    chunks_total: int | None
    chunks_ok: int
    chunks_dead: int
    facts_extracted: int
    coverage: float | None
    cost: float | None
    error: dict[str, Any] | None
    redrives: int
    on_log: bool
    """Whether the services drive it, and not one process from end to end."""
    requested_at: datetime
    begun_at: datetime
    finished_at: datetime | None
    updated_at: datetime

    @property
    def ended(self) -> bool:
        return self.state in ("complete", "failed", "cancelled")


_REFUSED = TypeAdapter(list[Refused])
_STALLED = TypeAdapter(list[Stalled])
_ROWS = TypeAdapter(list[RunRow])


class Sweeps:
    """Methods of Store on runs that events drive."""

    _transport: Transport

    async def take_run(
        self, event: ImportReceived, pipeline: str, variant: str, *, on_log: bool = True
    ) -> Taken:
        """Begin the run that the event names, or go on with it; older unfinished runs of the import end.
        `on_log` as in request_run."""
        answer = await self._transport.call(
            "take_run",
            {
                "import_id": event.import_id,
                "user_id": event.user_id,
                "run": event.run,
                "source": event.source,
                "pipeline": pipeline,
                "variant": variant,
                "on_log": on_log,
                "requested_at": event.requested_at,
            },
        )
        return Taken(**answer)

    async def watch_run(self, import_id: UUID, run: int) -> RunWatch | None:
        """How a run stands; None if there is no such run. Cheap."""
        answer = await self._transport.call("watch_run", {"import_id": import_id, "run": run})
        return None if answer is None else RunWatch(**answer)

    async def recorded_chunks(self, import_id: UUID, run: int) -> ChunkRanges:
        """Which chunks of a run are in."""
        return ChunkRanges(
            await self._transport.call("recorded_chunks", {"import_id": import_id, "run": run})
        )

    async def look_up_chunks(self, chunks: Sequence[ChunkReady], model: str, prompt_version: str) -> LookUp:
        """Which of these chunks nobody wants any more, and what the cache holds for the others."""
        answer = await self._transport.call(
            "look_up_chunks",
            {
                "model": model,
                "prompt_version": prompt_version,
                "chunks": [
                    {
                        "user_id": chunk.user_id,
                        "import_id": chunk.import_id,
                        "run": chunk.run,
                        "index": chunk.index,
                        "content_hash": chunk.content_hash,
                    }
                    for chunk in chunks
                ],
            },
        )
        refused = _REFUSED.validate_python(answer["refused"])
        return LookUp(
            {(each.import_id, each.run, each.index): each.reason for each in refused},
            {
                (UUID(each["user_id"]), each["content_hash"]): CachedExtraction.model_validate(each)
                for each in answer["known"]
            },
        )

    async def note_progress(self, keys: Sequence[RunKey]) -> None:
        """Show how far these runs are, where their chunking is done."""
        await self._transport.call(
            "note_progress", {"runs": [{"import_id": key.import_id, "run": key.run} for key in keys]}
        )

    async def keep_memory(self, memory: MemoryReady) -> bool:
        """Keep a memory until its run ends; False if the run is not in consolidation."""
        return bool(
            await self._transport.call(
                "keep_memory",
                {
                    "import_id": memory.import_id,
                    "run": memory.run,
                    "memory": orjson.Fragment(memory.model_dump_json()),
                },
            )
        )

    async def read_kept_memory(self, import_id: UUID, run: int) -> MemoryReady | None:
        """The memory kept for a run."""
        answer = await self._transport.call("read_kept_memory", {"import_id": import_id, "run": run})
        return None if answer is None else MemoryReady.model_validate(answer)

    async def take_lease(self, name: str, owner: str, seconds: float) -> bool:
        """Take or prolong the lease of this name; False while it is another's."""
        return bool(
            await self._transport.call("take_lease", {"name": name, "owner": owner, "seconds": seconds})
        )

    async def release_lease(self, name: str, owner: str) -> bool:
        """Give the lease back; False if it was not this owner's."""
        return bool(await self._transport.call("release_lease", {"name": name, "owner": owner}))

    async def find_stalled(
        self,
        pipeline: str,
        stall_seconds: float,
        *,
        owner: str = "",
        import_id: UUID | None = None,
        limit: int = 100,
    ) -> list[Stalled]:
        """Runs to drive again, of those that are leased to nobody but `owner`; each is noted as driven. Of
        this import, run by one process; or of all that the services drive."""
        answer = await self._transport.call(
            "find_stalled",
            {
                "pipeline": pipeline,
                "stall_seconds": stall_seconds,
                "owner": owner,
                "import_id": import_id,
                "limit": limit,
            },
        )
        return _STALLED.validate_python(answer)

    async def list_runs(self, import_id: UUID | None = None, limit: int = 20) -> list[RunRow]:
        """Runs, newest first: of one import, or all."""
        answer = await self._transport.call("list_runs", {"import_id": import_id, "limit": limit})
        return _ROWS.validate_python(answer)
