"""Rolling scale: replicas come and go during one import, and hardly any work is lost by it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench.exports import AVERAGE_BYTES, export_of
from bench.figure import Figure, at_most
from bench.figures.log_scaling import CEILING, CHUNK_TOKENS, MODEL_SECONDS
from bench.line import Line, broker, line
from bench.session import Session
from tests.exports.schedule import Options
from tests.support.fleet import Member
from tests.support.kafka import Broker

REPLICAS = (2, 4, 8, 4, 2, 6)
"""How many there are, one after the other; the first are there before the import is."""
STAY_SECONDS = 8.0
"""How long each number stays, once the last process is ready or has ended."""
LIMIT = 0.05
CONVERSATIONS = 10_000
WARM_CALLS = 6
"""Calls of every slot before the measurement begins."""
TICK = 0.05


@dataclass
class Ideal:
    """What all replicas together could have done: the sum, moment by moment, of replicas x ceiling / latency.

    A replica counts from when it says that it is ready until its process has ended: what it could have done
    while it waits for its partitions, or drains, counts as lost if it is not done.
    """

    chunks: float = 0.0
    counted: dict[str, Member] = field(default_factory=dict)
    waiting: dict[str, Member] = field(default_factory=dict)
    """Started, not ready yet."""
    begun: int = 0
    _at: float = field(default_factory=time.monotonic)

    def look(self) -> None:
        """Add what was possible since the last look."""
        now = time.monotonic()
        self.chunks += (now - self._at) * len(self.counted) * CEILING / MODEL_SECONDS
        self._at = now

    async def run(self) -> None:
        """Look, for as long as it is not cancelled."""
        while True:
            self.look()
            for name, member in list(self.counted.items()):
                if not member.alive:
                    del self.counted[name]
            for name, member in list(self.waiting.items()):
                status, _ = await asyncio.to_thread(member.page, "/readyz")
                if status == 200:
                    self.look()
                    self.counted[name] = self.waiting.pop(name)
            await asyncio.sleep(TICK)


def figures(session: Session) -> Iterator[Figure]:
    """The share of the ideal that is lost while replicas are added and removed."""
    export = export_of(Options(CONVERSATIONS, average_bytes=AVERAGE_BYTES)).path
    with broker() as kafka:
        done, ideal, seconds, busy = asyncio.run(_measure(kafka, export))
    steps = " -> ".join(map(str, REPLICAS))
    yield at_most(
        f"rolling, {steps} replicas",
        1 - done / ideal,
        LIMIT,
        "of ideal lost",
        f"{done} of {ideal:.0f} chunks in {seconds:.0f} s; the machine was {busy:.0%} busy",
    )


async def _measure(kafka: Broker, export: Path) -> tuple[int, float, float, float]:
    """Chunks recorded, chunks possible, seconds, and how busy all cores were."""
    async with line(
        kafka,
        export.parent,
        extractors=REPLICAS[0],
        model_seconds=MODEL_SECONDS,
        chunk_tokens=CHUNK_TOKENS,
        fact_extraction_concurrency=CEILING,
    ) as running:
        event = await running.submit(export)
        await running.reached(event, WARM_CALLS * REPLICAS[0] * CEILING)
        services = running.services
        replicas = {m.name: m for m in services.members.values() if m.service == "extractor"}
        ideal = Ideal(counted=dict(replicas))
        began, before = time.monotonic(), await running.results(event)
        psutil.cpu_percent()
        counting = asyncio.create_task(ideal.run())
        try:
            for count in REPLICAS:
                await _become(running, ideal, count)
                await asyncio.sleep(STAY_SECONDS)
        finally:
            counting.cancel()
        ideal.look()
        done = await running.results(event) - before
        return done, ideal.chunks, time.monotonic() - began, psutil.cpu_percent() / 100


async def _become(running: Line, ideal: Ideal, count: int) -> None:
    """Have so many extractors: one after the other, start the missing or stop the eldest of the others."""
    services = running.services
    names = [m.name for m in services.members.values() if m.service == "extractor"]
    for _ in range(count - len(names)):
        ideal.begun += 1
        member = services.start("extractor", f"extractor-begun-{ideal.begun}")
        ideal.waiting[member.name] = member
        await services.ready(120.0)
    for name in names[: max(0, len(names) - count)]:
        await services.stop(name)
