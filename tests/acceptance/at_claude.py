"""The command with Claude as its model, at the stand-in: started, watched, killed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.support.command import Finished
from tests.support.fake_claude.server import FakeClaude
from tests.support.forking import ForkedCommand, ForkedSoulprint

CEILING = 4
"""Calls in flight at most."""


def at(forked: ForkedSoulprint, fake: FakeClaude, **more: str) -> ForkedSoulprint:
    """The command with Claude as its model, at the stand-in."""
    settings = {
        "SOULPRINT_MODEL": "claude",
        "ANTHROPIC_API_KEY": "test-key",
        "ANTHROPIC_BASE_URL": fake.url,
        "FACT_EXTRACTION_CONCURRENCY": str(CEILING),
        **more,
    }
    return replace(forked, command=replace(forked.command, settings=tuple(settings.items())))


def run_of(export: Path, out: Path) -> tuple[str | Path, ...]:
    """A run whose user is the test's own."""
    return "run", export, "--out", out, "--user", out.name


async def ran(command: ForkedSoulprint, *arguments: str | Path) -> Finished:
    """The command run to its end while the stand-in goes on."""
    return await asyncio.to_thread(command, *arguments)


async def until(true: Callable[[], bool], process: ForkedCommand) -> None:
    """Wait for something to become true while the command runs."""
    while not true():
        assert process.poll() is None, process.communicate()
        await asyncio.sleep(0.01)


async def ended(process: ForkedCommand) -> Finished:
    out, err = await asyncio.to_thread(process.communicate, timeout=60)
    return Finished(process.code, out, err)


async def killed(process: ForkedCommand) -> None:
    """kill -9, as a power cut would."""
    os.killpg(process.pid, signal.SIGKILL)
    await asyncio.to_thread(process.communicate)
