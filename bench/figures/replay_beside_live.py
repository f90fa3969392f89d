"""Live work first: a live import of 60 conversations alone, and during a replay of many imports."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.claude_stand_in import KEY, served, stand_in, steer
from bench.exports import AVERAGE_BYTES, export_of
from bench.figure import Figure, at_most
from bench.line import Line, broker, line
from bench.replays import Replay
from bench.session import Session
from tests.exports.schedule import Options
from tests.support.kafka import Broker

CONVERSATIONS = 60
LIMIT = 1.2
ROUNDS = 5
"""Of each: alone, beside, alone, ... so that what else the machine does falls on both."""
EXTRACTORS = 2
LATENCY = 4.0
JITTER = 0.25
"""Part of the latency by which calls differ."""
REPLAYED = 1_000
READ = 120
"""Imports that a replay does again whose every chunk is cached."""
UNDER_WAY = 40
"""Chunks of a replay that are recorded before the live import comes: it runs at full speed."""


@dataclass(frozen=True)
class Took:
    """Seconds of a live import: in all, until its last chunk was in, and from then on."""

    seconds: float
    extracting: float
    writing: float


@dataclass
class Rounds:
    """What was measured."""

    alone: list[Took] = field(default_factory=list)
    beside: list[Took] = field(default_factory=list)
    replayed: list[float] = field(default_factory=list)
    """Chunks a second of the replay, meanwhile."""

    def figures(self, name: str) -> Iterator[Figure]:
        """How many times longer the live import takes, by the medians; and what the replay did."""
        note = f"{_told(self.alone)} alone, {_told(self.beside)} beside"
        name = f"{CONVERSATIONS} conversations beside {name}"
        yield at_most(name, _median(self.beside) / _median(self.alone), LIMIT, "times", note)
        yield Figure(f"{name}: the replay meanwhile", median(self.replayed), "chunks/s")


def figures(session: Session) -> Iterator[Figure]:
    """Beside a replay of which every chunk costs a call, and beside one that the cache answers, which is
    bound by the machine alone."""
    export = export_of(Options(CONVERSATIONS, seed=10, average_bytes=AVERAGE_BYTES)).path
    with broker() as kafka:
        yield from asyncio.run(_changed(kafka, export)).figures(f"a replay of {REPLAYED:,} imports")
        yield from asyncio.run(_unchanged(kafka, export)).figures("a replay that costs no call")


def _median(took: list[Took]) -> float:
    return median(each.seconds for each in took)


def _told(took: list[Took]) -> str:
    extracting, writing = median(t.extracting for t in took), median(t.writing for t in took)
    each = ", ".join(f"{t.seconds:.1f}" for t in took)
    return f"{_median(took):.1f} s ({extracting:.1f} s until read, {writing:.1f} s then; each {each})"


async def _changed(kafka: Broker, export: Path) -> Rounds:
    rounds = Rounds()
    async with (
        stand_in("--latency", str(LATENCY), "--jitter", str(JITTER)) as url,
        line(kafka, export.parent, extractors=EXTRACTORS, **_claude(url)) as running,
    ):
        await _took(running, export)
        for _ in range(ROUNDS):
            rounds.alone.append(await _took(running, export))
            replay = await Replay.begun(running.sql, export, REPLAYED)
            await replay.reached(UNDER_WAY)
            await _beside(rounds, running, export)
            await replay.stop()
            await steer(url, latency=0.0)  # what has its turn already is read
            await _quiet(url)
            await steer(url, latency=LATENCY)
    return rounds


async def _unchanged(kafka: Broker, export: Path) -> Rounds:
    rounds = Rounds()
    async with (
        stand_in("--jitter", str(JITTER)) as url,
        line(kafka, export.parent, extractors=EXTRACTORS, **_claude(url)) as running,
    ):
        events = [await running.submit(export) for _ in range(READ)]
        for event in events:
            await running.ended(event)
        await steer(url, latency=LATENCY)
        await _took(running, export)
        for _ in range(ROUNDS):
            rounds.alone.append(await _took(running, export))
            replay = await Replay.again(running.sql, [event.import_id for event in events])
            await replay.reached(UNDER_WAY)
            await _beside(rounds, running, export)
            await replay.stop()
            await _quiet(url)
    return rounds


async def _quiet(url: str) -> None:
    """Return when no call has begun for as long as one takes."""
    before = -1
    while (begun := (await served(url))["requests"]) != before:
        before = begun
        await asyncio.sleep(LATENCY * (1 + JITTER))


def _claude(url: str) -> dict[str, object]:
    return {"model": "claude", "anthropic_base_url": url, "anthropic_api_key": KEY}


async def _beside(rounds: Rounds, running: Line, export: Path) -> None:
    before = await running.sql.fetchval(_DONE)
    rounds.beside.append(took := await _took(running, export))
    rounds.replayed.append(float(await running.sql.fetchval(_DONE) - before) / took.seconds)
    print(f"alone {rounds.alone[-1].seconds:.1f} s, beside {took.seconds:.1f} s", flush=True)


_DONE = "SELECT coalesce(sum(chunks_ok + chunks_dead), 0) FROM imports WHERE priority = 'replay'"


async def _took(running: Line, export: Path) -> Took:
    began = time.monotonic()
    ended, row = await running.ended(await running.submit(export))
    writing = (row["finished_at"] - row["extracted_at"]).total_seconds()
    return Took(ended - began, ended - began - writing, writing)
