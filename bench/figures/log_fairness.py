"""Fairness: a small import takes little longer while a huge one runs than alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.exports import AVERAGE_BYTES, export_of
from bench.figure import Figure, at_most
from bench.line import Line, broker, line
from bench.session import Session
from tests.exports.schedule import Options
from tests.support.kafka import Broker

SMALL = 20
REPEATS = 3
LIMIT = 3.0
UNDER_WAY = 300
"""Chunks of the huge import that are recorded before the small ones come."""
CASES = ((1, 0.0), (8, 0.5))
"""Extractors and seconds a model call."""


def figures(session: Session) -> Iterator[Figure]:
    """How many times longer 20 conversations take beside the large import, by the median of three."""
    exports = [
        export_of(Options(SMALL, seed=10 + number, average_bytes=AVERAGE_BYTES)).path
        for number in range(2 * REPEATS)
    ]
    with broker() as kafka:
        for extractors, seconds in CASES:
            alone, beside = asyncio.run(
                _measure(kafka, session.export(session.large).path, exports, extractors, seconds)
            )
            yield at_most(
                f"small import beside a large one, {extractors} extractors, {seconds} s a call",
                beside / alone,
                LIMIT,
                "times",
                f"{alone:.2f} s alone, {beside:.2f} s beside {session.large:,} conversations",
            )


async def _measure(
    kafka: Broker, large: Path, small: list[Path], extractors: int, seconds: float
) -> tuple[float, float]:
    """Seconds of a small import alone, and beside the large one."""
    async with line(kafka, large.parent, extractors=extractors, model_seconds=seconds) as running:
        alone = [await _took(running, export) for export in small[:REPEATS]]
        event = await running.submit(large)
        await running.reached(event, UNDER_WAY)
        beside = [await _took(running, export) for export in small[REPEATS:]]
        return median(alone), median(beside)


async def _took(running: Line, export: Path) -> float:
    began = time.monotonic()
    ended, _ = await running.ended(await running.submit(export))
    return ended - began
