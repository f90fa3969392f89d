"""Ctrl-C and SIGTERM at moments spread over the whole command: exit code and words say what is so, and the
same command goes on with the same run. `make test` tries six moments, `make chaos` forty."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from shared.domain.ids import import_id, user_id_for
from shared.exports.conversation import ReadLimits
from shared.exports.export import open_export
from shared.postgres.embedded import embedded_postgres
from shared.postgres.migrate import migrate
from shared.store.runs import RunRow
from shared.store.store import Store, open_store
from soulprint.outputs import SECTION_FILES
from soulprint.run import NOT_WRITTEN, STOPPED
from soulprint.signals import NOT_BEGUN
from tests.exports.generate import generate
from tests.support.command import Soulprint, fresh_home, report
from tests.support.forking import ForkedCommand, ForkedSoulprint, ForkServer

MOMENTS = 40 if os.environ.get("CHAOS") else 6
CONVERSATIONS = 120
END_SECONDS = 60
FILES = {"MEMORY.md", "facts.jsonl", "report.json", *SECTION_FILES.values()}
ORDERS = ([signal.SIGINT], [signal.SIGTERM], [signal.SIGINT, signal.SIGINT])
"""What is sent, in turn."""

True_ = Callable[[], Awaitable[bool]]


@dataclass(frozen=True)
class Person:
    """A user of their own for one moment."""

    store: Store
    export: UUID
    out: Path

    async def row(self) -> RunRow | None:
        return next(iter(await self.store.list_runs(self.export, limit=1)), None)

    async def requested(self) -> bool:
        return await self.row() is not None

    async def recorded(self) -> bool:
        row = await self.row()
        return row is not None and row.chunks_ok >= 1

    async def committed(self) -> bool:
        row = await self.row()
        return row is not None and row.state == "complete"

    async def writing(self) -> bool:
        return any(self.out.glob(".soulprint-*/*"))

    async def written(self) -> bool:
        return (self.out / "report.json").exists()


POINTS = ("requested", "recorded", "committed", "writing", "written")


@pytest.fixture(scope="module")
async def home(fork_server: ForkServer) -> AsyncIterator[tuple[Soulprint, Store]]:
    with fresh_home() as command:
        async with embedded_postgres(command.home) as dsn:
            await migrate(dsn)
            async with open_store(dsn) as store:
                yield command, store


def run_of(export: Path, out: Path) -> tuple[str | Path, ...]:
    return "run", export, "--out", out, "--user", out.name


def moments(seconds: float) -> list[tuple[str, float]]:
    """(point, seconds after it): the points of a run in turn, and times from its start past its end."""
    points = MOMENTS // 2
    found = [(POINTS[number % len(POINTS)], 0.012 * (number // len(POINTS))) for number in range(points)]
    times = MOMENTS - points
    return found + [("", seconds * 1.2 * number / times) for number in range(times)]


async def until(true: True_, process: ForkedCommand) -> None:
    """Whatever it is that becomes true: a row, a file, the process's own end."""
    while process.poll() is None and not await true():  # noqa: ASYNC110 - nobody sets an event
        await asyncio.sleep(0.001)


def send(process: ForkedCommand, number: signal.Signals) -> None:
    """To all of the command's processes, as a terminal does."""
    if process.poll() is None:
        with suppress(ProcessLookupError):  # it ends just now
            os.killpg(process.pid, number)


def agrees(code: int, out: str, err: str, row: RunRow | None, folder: Path, sent: int) -> None:
    """What was said and how it ended is what is so."""
    assert "Traceback" not in err
    written = {file.name for file in folder.iterdir()} if folder.exists() else set()
    assert not any(name.startswith(".soulprint-") for name in written)
    if code == 0:
        assert row is not None
        assert (row.state, row.run) == ("complete", 1)
        assert out.startswith("complete: ")
        assert "stopped" not in err
        assert written >= FILES
        assert report(folder)["run"] == 1
        return
    assert code == 128 + sent
    assert "complete: " not in out
    assert not FILES & written
    if NOT_WRITTEN in err:
        assert row is not None
        assert row.state == "complete"
    elif STOPPED in err:
        assert row is None or not row.ended
    else:
        assert NOT_BEGUN in err
        assert row is None


async def test_stopped_at_any_moment_the_command_says_what_is_so_and_the_same_goes_on(
    fork_server: ForkServer, home: tuple[Soulprint, Store], tmp_path: Path
) -> None:
    command, store = home
    forked = ForkedSoulprint(command, fork_server)
    export = tmp_path / "export.zip"
    generate(export, CONVERSATIONS, seed=7)
    with open_export(export, ReadLimits()) as opened:
        fingerprint = opened.fingerprint
    ends: list[Any] = []
    seconds = 0.0
    for untouched in ("cold", "warm"):
        began = time.monotonic()
        assert (await asyncio.to_thread(forked, *run_of(export, tmp_path / untouched))).code == 0
        seconds = time.monotonic() - began
    for number, (point, after) in enumerate(moments(seconds)):
        out = tmp_path / f"moment {number}"
        person = Person(store, import_id(user_id_for(out.name), fingerprint), out)
        process = forked.start(*run_of(export, out))
        if point:
            await until(getattr(person, point), process)
        await asyncio.sleep(after)
        order = ORDERS[number % len(ORDERS)]
        for sent in order:
            send(process, sent)
            await asyncio.sleep(0.05 if len(order) > 1 else 0.0)
        printed, err = await asyncio.to_thread(process.communicate, END_SECONDS)
        moment = f"{point} + {after:.3f} s, {'+'.join(sent.name for sent in order)}"
        ends.append((moment, process.code, err.strip()))
        agrees(process.code, printed, err, await person.row(), out, order[0])
        if process.code != 0:
            assert (await asyncio.to_thread(forked, *run_of(export, out))).code == 0
            row = await person.row()
            assert row is not None, moment
            assert (row.run, row.state) == (1, "complete"), moment
            assert report(out)["run"] == 1
    assert len({code for _, code, _ in ends}) > 1, ends
