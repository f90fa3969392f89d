"""Many small imports with chunks that died or were lost on their way, and the commands by which ops mend
them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import asyncpg

from shared.domain.errors import ModelError
from shared.domain.events import ChunkReady, Event, FactsExtracted, ImportReceived
from shared.host.host import Host
from shared.log.metrics import PoolMetrics
from shared.log.ports import Log
from shared.models.base import Extraction
from shared.pipelines import IMPORT_RECEIVED
from shared.settings import Settings
from shared.store.replaying import ReplayProgress
from shared.store.store import Store
from tests.support.exports import chain, json_of
from tests.support.forking import ForkedSoulprint
from tests.support.local import KeptLog, LocalSetting
from tests.support.records import SEED
from tests.support.tuned_service import InstantModel
from tests.support.waiting import until

Chunk = tuple[UUID, int]
"""An import's, by its place."""
CHUNK_TOKENS = 200
SIZES = (1, 2, 3, 5, 9)
"""Conversations of an export; each makes a chunk."""
LONG_SECONDS = 1800.0 if os.environ.get("CHAOS") else 90.0
"""For what a thousand imports wait for, or a few, on a busy machine."""


def place_of(import_id: UUID, index: int) -> int:
    """Of a hundred places one, by the chunk's name: the same in each run."""
    return uuid5(import_id, str(index)).int % 100


def is_poison(chunk: Chunk) -> bool:
    """Three in a hundred."""
    return place_of(*chunk) < 3


def is_lost(chunk: Chunk) -> bool:
    """Two in a hundred more."""
    return 3 <= place_of(*chunk) < 5


class Moody(InstantModel):
    """Answers at once; refuses poison until it is mended; and notes what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[Chunk] = []
        self.mended = False

    async def extract(self, chunk: ChunkReady) -> Extraction:
        """See Model."""
        name = (chunk.import_id, chunk.index)
        self.asked.append(name)
        if not self.mended and is_poison(name):
            raise ModelError("the model refused this chunk")
        return await super().extract(chunk)


class LossyLog(KeptLog):
    """Loses results until it is mended."""

    mended = False

    async def publish(self, topic: str, key: str, event: Event) -> None:
        """See LocalLog."""
        lost = isinstance(event, FactsExtracted) and is_lost((event.import_id, event.index))
        if self.mended or not lost:
            await super().publish(topic, key, event)


@dataclass
class LossySetting(LocalSetting):
    """A pipeline whose log loses results. No event is taken for lost: what stalls stays so."""

    changes: dict[str, Any] = field(
        default_factory=lambda: {
            "chunk_tokens": CHUNK_TOKENS,
            "extract_workers": 0,
            "sweep_seconds": 0.1,
            "stall_seconds": 7200,
        }
    )

    def open_log(self, settings: Settings, metrics: PoolMetrics) -> Log:
        """See AnySetting."""
        if self._log is None:
            self._log = LossyLog(metrics)
        return self._log

    def mend(self) -> None:
        """Lose nothing more."""
        self.log.mended = True  # type: ignore[attr-defined]


def write_exports(folder: Path, tokens: int = CHUNK_TOKENS) -> list[Path]:
    """An export of each size, each of whose conversations fills a chunk."""
    found = []
    for size in SIZES:
        said = [_conversation(f"s{size}-{number}", tokens) for number in range(size)]
        path = folder / f"of-{size}.json"
        path.write_bytes(json_of(said))
        found.append(path)
    return found


def _conversation(name: str, tokens: int) -> dict[str, Any]:
    words = " ".join(f"{name} word {number}" for number in range(tokens // 4))
    return chain(f"I keep {name} in Porto.", f"Noted. {words}", conversation_id=name)


def names_of(number: int, what: str = "import") -> tuple[UUID, UUID]:
    """Import and user of this number."""
    return uuid5(SEED, f"{what} {number}"), uuid5(SEED, f"{what}'s user {number}")


async def publish_imports(
    setting: LocalSetting, sources: Iterable[Path], numbers: Iterable[int], what: str = "import"
) -> list[ImportReceived]:
    """Imports of as many users, each of the next source in turn."""
    paths, events = list(sources), []
    for number in numbers:
        import_id, user_id = names_of(number, what)
        events.append(setting.event_of(paths[number % len(paths)], user_id, import_id=import_id))
    await setting.publish(setting.topic(IMPORT_RECEIVED), *events)
    return events


async def all_ended(sql: asyncpg.Connection, events: Collection[ImportReceived]) -> None:
    """Return when no run of theirs is under way."""
    imports = [event.import_id for event in events]

    async def have() -> bool:
        """all imports have ended"""
        ended = await sql.fetchval(
            "SELECT count(DISTINCT import_id) FROM imports WHERE import_id = ANY ($1) AND kind = 'primary'"
            " AND state IN ('complete', 'failed', 'cancelled')",
            imports,
        )
        return bool(ended == len(imports))

    await until(have, LONG_SECONDS)


async def fail_stalled(setting: LocalSetting, host: Host, store: Store, sql: asyncpg.Connection) -> int:
    """Once all that is on the log is done, runs that wait for a lost result fail, as when they are given up;
    answers how many."""
    await setting.caught_up(host, "chunker", "extractor", "consolidator")

    async def waits_for_none() -> bool:
        """only runs with lost results are under way"""
        return not await sql.fetchval(
            "SELECT count(*) FROM imports WHERE kind = 'primary' AND state NOT IN ('complete', 'failed')"
            " AND chunks_ok + chunks_dead >= coalesce(chunks_total, 0)"
        )

    await until(waits_for_none, LONG_SECONDS)
    stalled = await sql.fetch(
        "SELECT import_id, run FROM imports WHERE kind = 'primary' AND state NOT IN ('complete', 'failed')"
    )
    for row in stalled:
        import_id = UUID(str(row["import_id"]))  # asyncpg's own are not written as JSON
        assert await store.fail_run(import_id, row["run"], step="extracting", error="given up")
    return len(stalled)


async def newest(sql: asyncpg.Connection) -> list[asyncpg.Record]:
    """The newest run of each import that was asked for."""
    found: list[asyncpg.Record] = await sql.fetch(
        "SELECT DISTINCT ON (import_id) *, chunks_ok::float / nullif(chunks_total, 0) AS coverage"
        " FROM imports WHERE kind = 'primary' ORDER BY import_id, run DESC"
    )
    return found


@dataclass(frozen=True)
class Ops:
    """What a person does with replays, by the commands."""

    command: ForkedSoulprint
    store: Store

    async def plan(self, *arguments: str) -> dict[str, Any]:
        """`replay plan`, as a program reads it."""
        finished = await asyncio.to_thread(self.command, "replay", "plan", *arguments, "--json")
        assert finished.code == 0, finished.err
        answer: dict[str, Any] = finished.json()
        return answer

    async def run(self, plan: dict[str, Any], *arguments: str) -> ReplayProgress:
        """`replay run`, followed to its end."""
        given = ("replay", "run", plan["plan"], "--reason", "a test", "--detach", *arguments)
        finished = await asyncio.to_thread(self.command, *given)
        assert finished.code == 0, finished.err
        return await followed(self.store, UUID(plan["plan"]))


async def followed(store: Store, plan: UUID) -> ReplayProgress:
    """How a replay stands once it has ended."""
    found: list[ReplayProgress] = []

    async def has() -> bool:
        """the replay has ended"""
        progress = await store.read_replay_progress(plan)
        assert progress is not None
        found[:] = [progress]
        return progress.ended

    await until(has, LONG_SECONDS)
    return found[0]
