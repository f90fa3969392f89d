"""Claude's throughput: what share of the ideal (ceiling / latency) calls get; no ceiling is passed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from bench.claude_stand_in import options_for, served, small_chunk, stand_in
from bench.figure import Figure, at_least, exactly
from bench.session import Session
from shared.heap import settle_garbage
from shared.models.claude.model import ClaudeModel
from shared.models.writer.writer import DeterministicWriter

LATENCY = 0.5
CEILINGS = (3, 10, 50)
ROUNDS = 20
"""Calls for each slot."""
LEAST_SHARE = 0.95


def figures(session: Session) -> Iterator[Figure]:
    """The share of the ideal at each ceiling, with as many chunks in flight as the model asks for."""
    for ceiling in CEILINGS:
        share, most = asyncio.run(_measured(ceiling))
        yield at_least(f"Claude, {ceiling} at a time: share of the ideal", share, LEAST_SHARE)
        yield exactly(f"Claude, {ceiling} at a time: most in flight", most, ceiling)


async def _measured(ceiling: int) -> tuple[float, int]:
    async with stand_in("--latency", str(LATENCY)) as url:
        model = ClaudeModel(options_for(url, concurrency=ceiling), DeterministicWriter())
        try:
            calls = ceiling * ROUNDS
            await _read(model, 1)  # the first connection
            settle_garbage()  # as every process of ours does before its work
            began = time.perf_counter()
            await _read(model, calls)
            seconds = time.perf_counter() - began
        finally:
            await model.close()
        return (calls * LATENCY / ceiling) / seconds, int((await served(url))["most_in_flight"])


async def _read(model: ClaudeModel, calls: int) -> None:
    """Read so many chunks as a runner does: `model.ceiling` of them in flight."""
    waiting = (small_chunk(index) for index in range(calls))

    async def work() -> None:
        for chunk in waiting:
            await model.extract(chunk)

    await asyncio.gather(*(work() for _ in range(model.ceiling)))
