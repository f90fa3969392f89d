"""Hostile exports through services, and what came of each: see tests.exports.hostile."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from uuid import uuid4

import asyncpg

from shared.domain.events import ImportReceived
from shared.store.store import Store
from tests.exports.hostile import Hostile
from tests.support.services import AnySetting, ended

SPEAKS = "SELECT to_jsonb(i) - 'sample' - 'superseded' - 'source' FROM imports i WHERE import_id = $1"
"""All that an import says of itself but the person's own words."""
WORDS = ("Ghent", "bees", "nurse", "trains", "Town", "I am Ana")
"""What stands in many of them, and nowhere else: in no log."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one export."""

    name: str
    state: str
    reason: str
    seconds: float
    unprintable: tuple[str, ...]
    """Where it speaks in characters that a terminal may obey."""

    def __str__(self) -> str:
        return f"{self.seconds:6.1f} s  {self.name}: {self.state} {self.reason[:160]}"


def unprintable(value: Any, path: str = "") -> Iterator[str]:
    """Where a value as JSON has it holds a character that is not for print."""
    if isinstance(value, str) and not value.isprintable():
        yield f"{path}: {value[:200]!a}"
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from unprintable(key, f"{path}.key")
            yield from unprintable(inner, f"{path}.{key}" if key.isprintable() else path)
    elif isinstance(value, list):
        for inner in value:
            yield from unprintable(inner, f"{path}[]")


async def through(
    setting: AnySetting,
    store: Store,
    sql: asyncpg.Connection,
    exports: Sequence[Hostile],
    *,
    at_a_time: int,
    seconds: float,
) -> list[Outcome]:
    """Write, import and remove each export, some at a time, each of a user of its own."""
    room, one_asks = asyncio.Semaphore(at_a_time), asyncio.Lock()

    async def one(export: Hostile) -> Outcome:
        async with room:
            path = await asyncio.to_thread(export.write, setting.root)
            event = await setting.import_of(path, uuid4())
            began = time.monotonic()
            row = await _ended(store, event, seconds)
            took = time.monotonic() - began
            async with one_asks:
                told = json.loads(await sql.fetchval(SPEAKS, event.import_id) or "{}")
            if path.is_file():
                path.unlink()
            error = told.get("error") or {}
            return Outcome(export.name, row, str(error.get("message", "")), took, tuple(unprintable(told)))

    return list(await asyncio.gather(*map(one, exports)))


async def _ended(store: Store, event: ImportReceived, seconds: float) -> str:
    try:
        return (await ended(store, event, seconds)).state
    except AssertionError:
        return "unended"


@dataclass
class Neighbour:
    """Somebody whose harmless export is imported again and again."""

    setting: AnySetting
    store: Store
    source: Path
    seconds: float = 120.0

    async def once(self) -> float:
        """How long one import takes, each of a user of its own."""
        began = time.monotonic()
        event = await self.setting.import_of(self.source, uuid4())
        row = await ended(self.store, event, self.seconds)
        assert row.state == "complete", row
        return time.monotonic() - began

    async def usual(self, times: int = 5) -> float:
        """How long it takes alone."""
        await self.once()
        return median([await self.once() for _ in range(times)])

    async def beside(self, other: asyncio.Task[Any]) -> list[float]:
        """How long each took until the other task ended, once at least."""
        took = [await self.once()]
        while not other.done():
            took.append(await self.once())
        return took


def lines_that_tell(log: str) -> list[str]:
    """Lines of a log with characters that are not for print, or words of the exports."""
    return [
        line[:300]
        for line in log.split("\n")
        if not line.isprintable() or any(word in line for word in WORDS)
    ]
