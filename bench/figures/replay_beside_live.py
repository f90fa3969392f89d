"""Live work first: a live import of 60 conversations alone, and during a replay of many imports."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median

import asyncpg

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
UNDER_WAY = 100
"""Chunks of a replay that are recorded before the live import comes: it runs at full speed."""


def figures(session: Session) -> Iterator[Figure]:
    """How many times longer the live import takes beside a replay, by the median; and what the replay did."""
    alone, beside, share = asyncio.run(_measured())
    note = (
        f"{median(alone):.1f} s alone ({_all(alone)}), {median(beside):.1f} s beside ({_all(beside)}); "
        f"{EXTRACTORS} extractors, {LATENCY} s a call"
    )
    name = f"{CONVERSATIONS} conversations beside a replay of {REPLAYED:,} imports"
    yield at_most(name, median(beside) / median(alone), LIMIT, "times", note)
    yield Figure("chunks of the replay meanwhile, of what it does alone", share, "share")


def _all(seconds: list[float]) -> str:
    return ", ".join(f"{each:.1f}" for each in seconds)


async def _measured() -> tuple[list[float], list[float], float]:
    export = export_of(Options(CONVERSATIONS, seed=10, average_bytes=AVERAGE_BYTES)).path
    with broker() as kafka:
        async with stand_in("--latency", str(LATENCY), "--jitter", str(JITTER)) as url:
            return await _rounds(kafka, export, url)


async def _rounds(kafka: Broker, export: Path, url: str) -> tuple[list[float], list[float], float]:
    alone: list[float] = []
    beside: list[float] = []
    shares: list[float] = []
    claude = {"model": "claude", "anthropic_base_url": url, "anthropic_api_key": KEY}
    async with (
        line(kafka, export.parent, extractors=EXTRACTORS, **claude) as running,
        asyncpg.create_pool(running.services.setting.database, min_size=1, max_size=4) as sql,
    ):
        await _took(running, export)
        for _ in range(ROUNDS):
            alone.append(await _took(running, export))
            replay = await Replay.planned(sql, export, REPLAYED)
            driving = asyncio.create_task(replay.drive())
            try:
                began = time.monotonic()
                await replay.reached(UNDER_WAY)
                rate = UNDER_WAY / (time.monotonic() - began)
                before = await replay.done()
                beside.append(await _took(running, export))
                shares.append((await replay.done() - before) / beside[-1] / rate)
            finally:
                driving.cancel()
                with suppress(asyncio.CancelledError):
                    await driving
                await replay.stop()
            print(f"alone {alone[-1]:.1f} s, beside {beside[-1]:.1f} s", flush=True)
    return alone, beside, median(shares)


async def _took(running: Line, export: Path) -> float:
    began = time.monotonic()
    ended, _ = await running.ended(await running.submit(export))
    return ended - began
