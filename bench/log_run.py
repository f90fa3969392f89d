"""One import through the services at zero model latency, one process a service, and what it took."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.line import CALM_LOOK_SECONDS, broker, line, peak_bytes
from tests.support.kafka import Broker


@dataclass(frozen=True, slots=True)
class LogRun:
    """A finished import. Memory and processor time are of the services, by name."""

    chunks: int
    seconds: float
    """From the submission to the committed memory."""
    extracting_seconds: float
    """From the chunker's beginning to the recording of the last chunk."""
    peak_bytes: dict[str, int]
    cpu_seconds: dict[str, float]


def log_run(export: Path, first: Path, *, instant: bool = False) -> LogRun:
    """Import `export` through services of their own, after the small `first`, so that what happens only once
    (imports, plans, the broker's compiler) is behind them. Raises RunFailedError."""
    with broker() as kafka:
        return asyncio.run(_run(kafka, export, first, instant))


async def _run(kafka: Broker, export: Path, first: Path, instant: bool) -> LogRun:
    async with line(kafka, export.parent, instant=instant) as running:
        await running.ended(await running.submit(first))
        before = {name: _cpu(member.process.pid) for name, member in running.services.members.items()}
        began = time.monotonic()
        event = await running.submit(export)
        ended, row = await running.ended(event, CALM_LOOK_SECONDS)
        extracted = (row["extracted_at"] - row["begun_at"]).total_seconds()
        members = running.services.members
        return LogRun(
            chunks=row["chunks_total"],
            seconds=ended - began,
            extracting_seconds=extracted,
            peak_bytes={member.service: peak_bytes(member) for member in members.values()},
            cpu_seconds={
                member.service: _cpu(member.process.pid) - before[name] for name, member in members.items()
            },
        )


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)
