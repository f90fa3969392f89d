"""Signals: each stage of a command has its answer, and none contradicts the exit code."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from soulprint.signals import NOT_BEGUN
from tests.support.command import Soulprint

COMMAND = """
import asyncio, os, signal, sys
from shared.domain.errors import SoulprintError
from soulprint import signals
signals.begin()
from soulprint.interrupts import interruptible

async def hears(number):
    os.kill(os.getpid(), number)
    await asyncio.sleep(30)  # unless it is cancelled

async def at_work(interrupts):
    interrupts.words = "at work"
    await hears(signal.SIGTERM)

async def writing(interrupts):
    with interrupts.held("writing"):
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.01)
    interrupts.over()
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(0.01)

async def insisting(interrupts):
    with interrupts.held("not written"):
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.01)
        await hears(signal.SIGINT)

async def ended_meanwhile(interrupts):
    try:
        await hears(signal.SIGINT)
    except asyncio.CancelledError:
        with interrupts.unheard():
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(0.01)
        assert interrupts.forgive()
    async with asyncio.timeout(30):
        await asyncio.sleep(0.01)

async def reading(interrupts):
    interrupts.words = "reading"
    asyncio.get_running_loop().run_in_executor(None, os.read, 0, 1)  # until standard input ends
    asyncio.get_running_loop().call_later(0.1, os.kill, os.getpid(), signal.SIGINT)
    await hears(signal.SIGINT)

try:
    interruptible(globals()[sys.argv[1]])
except SoulprintError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
os.kill(os.getpid(), signal.SIGINT)
print("done")
"""


@pytest.mark.parametrize(
    ("stage", "code", "out", "err"),
    [
        ("at_work", 128 + signal.SIGTERM, "", "at work\n"),
        ("writing", 0, "done\n", ""),
        ("insisting", 128 + signal.SIGINT, "", "not written\n"),
        ("ended_meanwhile", 0, "done\n", ""),
        ("reading", 128 + signal.SIGINT, "", "soulprint: reading\n"),
    ],
)
def test_each_stage_has_its_answer(stage: str, code: int, out: str, err: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, stage],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.wait(30) == code
    assert process.communicate() == (out, err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_while_it_is_imported_it_says_that_nothing_was_begun(
    number: signal.Signals, tmp_path: Path
) -> None:
    process = Soulprint(tmp_path).start("run", "nothing.zip")
    status = Path(f"/proc/{process.pid}/status")
    while not _catches(status, signal.SIGTERM):  # from the first import on
        assert process.poll() is None
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (128 + number, f"soulprint: {NOT_BEGUN}\n")


def _catches(status: Path, number: int) -> bool:
    caught = [line for line in status.read_text().splitlines() if line.startswith("SigCgt:")]
    return bool(int(caught[0].split()[1], 16) & 1 << (number - 1))
