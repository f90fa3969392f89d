"""Live work first: a live import of 60 conversations alone, and during a replay of many imports."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.claude_stand_in import KEY, stand_in
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
JITTER = 0.5
"""Part of the latency by which calls differ."""
REPLAYED = 1_000
UNDER_WAY = 40
"""Chunks of a replay that are recorded before the live import comes: it runs at full speed."""


@dataclass(frozen=True)
class Took:
    """Seconds of a live import: in all, until its last chunk was in, and from then on."""

    seconds: float
    extracting: float
    writing: float


def figures(session: Session) -> Iterator[Figure]:
    """How many times longer the live import takes beside a replay, by the median; and what the replay did."""
    alone, beside, share = asyncio.run(_measured())
    note = f"{_told(alone)} alone, {_told(beside)} beside; {EXTRACTORS} extractors, {LATENCY} s a call"
    name = f"{CONVERSATIONS} conversations beside a replay of {REPLAYED:,} imports"
    yield at_most(name, _median(beside) / _median(alone), LIMIT, "times", note)
    yield Figure("chunks of the replay meanwhile, of what it does alone", share, "share")


def _median(took: list[Took]) -> float:
    return median(each.seconds for each in took)


def _told(took: list[Took]) -> str:
    extracting, writing = median(t.extracting for t in took), median(t.writing for t in took)
    each = ", ".join(f"{t.seconds:.1f}" for t in took)
    return f"{_median(took):.1f} s ({extracting:.1f} s until read, {writing:.1f} s then; each {each})"


async def _measured() -> tuple[list[Took], list[Took], float]:
    export = export_of(Options(CONVERSATIONS, seed=10, average_bytes=AVERAGE_BYTES)).path
    with broker() as kafka:
        async with stand_in("--latency", str(LATENCY), "--jitter", str(JITTER)) as url:
            return await _rounds(kafka, export, url)


async def _rounds(kafka: Broker, export: Path, url: str) -> tuple[list[Took], list[Took], float]:
    alone: list[Took] = []
    beside: list[Took] = []
    shares: list[float] = []
    claude = {"model": "claude", "anthropic_base_url": url, "anthropic_api_key": KEY}
    async with line(kafka, export.parent, extractors=EXTRACTORS, **claude) as running:
        await _took(running, export)
        for _ in range(ROUNDS):
            alone.append(await _took(running, export))
            replay = await Replay.begun(running.sql, export, REPLAYED)
            first = await replay.reached(1)
            rate = (UNDER_WAY - 1) / (await replay.reached(UNDER_WAY) - first)
            before = await replay.done()
            beside.append(await _took(running, export))
            shares.append((await replay.done() - before) / beside[-1].seconds / rate)
            await replay.stop()
            await asyncio.sleep(3 * LATENCY)  # calls that are under way end
            print(f"alone {alone[-1]}, beside {beside[-1]}", flush=True)
    return alone, beside, median(shares)


async def _took(running: Line, export: Path) -> Took:
    began = time.monotonic()
    ended, row = await running.ended(await running.submit(export))
    writing = (row["finished_at"] - row["extracted_at"]).total_seconds()
    return Took(ended - began, ended - began - writing, writing)
