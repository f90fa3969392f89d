"""Scaling: extractor replicas at a slow model reach nearly all that their model calls allow."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench.exports import AVERAGE_BYTES, export_of
from bench.figure import Figure, at_least
from bench.line import Line, broker, line
from bench.session import Session
from shared.domain.events import ImportReceived
from tests.exports.schedule import Options
from tests.support.kafka import Broker

REPLICAS = (1, 2, 4, 8, 16)
CEILING = 3
MODEL_SECONDS = 0.5
LIMIT = 0.95
CONVERSATIONS = 4000
CHUNK_TOKENS = 1000
"""Small chunks: what is measured is calls, not tokens, and there must be enough of them."""
WARM_CALLS = 6
"""Calls of every slot before the measurement begins."""
SECONDS = 20.0


def figures(session: Session) -> Iterator[Figure]:
    """Throughput of 1 to 16 replicas as a share of replicas x ceiling / latency."""
    export = export_of(Options(CONVERSATIONS, average_bytes=AVERAGE_BYTES)).path
    with broker() as kafka:
        for replicas in REPLICAS:
            share, busy = asyncio.run(_measure(kafka, export, replicas))
            yield at_least(
                f"scaling, {replicas} replicas",
                share,
                LIMIT,
                "of ideal",
                f"{share * replicas * CEILING / MODEL_SECONDS:.1f} chunks/s; the machine was {busy:.0%} busy",
            )


async def _measure(kafka: Broker, export: Path, replicas: int) -> tuple[float, float]:
    """The share of the ideal, and how busy all cores were meanwhile."""
    async with line(
        kafka,
        export.parent,
        extractors=replicas,
        model_seconds=MODEL_SECONDS,
        chunk_tokens=CHUNK_TOKENS,
        fact_extraction_concurrency=CEILING,
    ) as running:
        event = await running.submit(export)
        before = await _next_recording(running, event, WARM_CALLS * replicas * CEILING)
        psutil.cpu_percent()
        await asyncio.sleep(SECONDS)
        busy = psutil.cpu_percent() / 100
        after = await _next_recording(running, event, 0)
        rate = (after[1] - before[1]) / (after[0] - before[0])
        return rate * MODEL_SECONDS / (replicas * CEILING), busy


async def _next_recording(running: Line, event: ImportReceived, least: int) -> tuple[float, int]:
    """When a recording was next seen, once there are `least`, and how many there were then: results come in
    bursts, so a measurement must begin and end at the same point of one."""
    await running.reached(event, least)
    count = await running.results(event)
    when = await running.reached(event, count + 1)
    return when, await running.results(event)
