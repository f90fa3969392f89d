"""Claude interrupted: kill -9 at random moments pays little twice; a provider that is down costs no chunk."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from bench.claude_stand_in import KEY, served, stand_in
from bench.figure import Figure, at_most, exactly
from bench.product import RunFailedError, command, environment
from bench.session import Session

CONVERSATIONS = 500
CEILING = 3
LATENCY = "0.2"
KILLS = 20
MOST_CALLS = 6
"""A command is killed after at most so many calls of its own."""
DOWN_SECONDS = 120.0
WRITING_CALLS = 2
"""MEMORY and the sections."""
LOOK_SECONDS = 0.02


def figures(session: Session) -> Iterator[Figure]:
    """Both with `soulprint run` as a process and default settings."""
    export = session.export(CONVERSATIONS).path
    twice, done = asyncio.run(_killed(export, session.scratch / "claude-kills"))
    yield at_most(f"Claude, killed {KILLS} times: calls paid twice", twice, CEILING * KILLS)
    yield exactly(f"Claude, killed {KILLS} times: coverage", done["coverage"], 1)
    done = asyncio.run(_down(export, session.scratch / "claude-outage"))
    yield exactly(f"Claude, {DOWN_SECONDS:.0f} s down: dead chunks", done["chunks"]["dead"], 0)
    yield exactly(f"Claude, {DOWN_SECONDS:.0f} s down: coverage", done["coverage"], 1)


async def _killed(export: Path, folder: Path) -> tuple[int, dict[str, Any]]:
    """Calls that were served beyond those needed, and the last command's report."""
    rng = random.Random(1)
    async with stand_in("--latency", LATENCY, "--jitter", "0.5") as url:
        for _ in range(KILLS):
            enough = await _calls(url) + rng.randint(0, MOST_CALLS)
            process = await _start(export, folder, url)
            await _until(url, enough, process)
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        done = await _finish(await _start(export, folder, url), folder)
        return await _calls(url) - done["chunks"]["total"] - WRITING_CALLS, done


async def _down(export: Path, folder: Path) -> dict[str, Any]:
    """The report of a run whose provider went away in the middle and came back at the same address."""
    async with stand_in("--latency", LATENCY) as url:
        process = await _start(export, folder, url)
        await _until(url, 20, process)
    await asyncio.sleep(DOWN_SECONDS)
    async with stand_in("--latency", LATENCY, "--port", url.rpartition(":")[2]):
        return await _finish(process, folder)


async def _until(url: str, calls: int, process: Process) -> None:
    """Wait until so many calls were served, or the command has ended."""
    while process.returncode is None:
        if await _calls(url) >= calls:
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _calls(url: str) -> int:
    return int((await served(url))["calls"])


async def _start(export: Path, folder: Path, url: str) -> Process:
    arguments = ("run", str(export), "--out", str(folder / "out"), "--model", "claude")
    claude = {
        "ANTHROPIC_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": url,
        "FACT_EXTRACTION_CONCURRENCY": str(CEILING),
    }
    return await asyncio.create_subprocess_exec(
        str(command()),
        *arguments,
        env=environment(folder / "home") | claude,
        stdout=DEVNULL,
        stderr=DEVNULL,
        start_new_session=True,
    )


async def _finish(process: Process, folder: Path) -> dict[str, Any]:
    if await process.wait() != 0:
        raise RunFailedError(f"soulprint run --model claude ended with {process.returncode}")
    report: dict[str, Any] = orjson.loads((folder / "out" / "report.json").read_bytes())
    return report
