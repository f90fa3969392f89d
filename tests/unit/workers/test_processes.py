"""What a worker's process is held to: it stands still, fills its memory or dies, and nobody else notices."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import time
from typing import Any

import psutil
import pytest

from shared.domain.errors import SoulprintError
from shared.workers import child
from shared.workers.frames import MOST_BYTES, OUT_OF_MEMORY, STOOD_STILL, VALUE, announced, frame
from shared.workers.workers import Answers, WorkerError, WorkerPolicy, Workers
from tests.support.waiting import until
from tests.unit.workers.test_contract import TASKS, done, nowhere

HASTY = WorkerPolicy(patience=1.0)


async def failure(workers: Workers, what: str, policy: WorkerPolicy = HASTY) -> WorkerError:
    """What becomes of a task; the next one finds everything well."""
    with pytest.raises(WorkerError) as told:
        await done(workers, policy, what=what)
    assert await done(workers, what="counts", upto=1) == ([[0, ""]], {"counted": 1})
    return told.value


@pytest.mark.slow
async def test_a_task_that_makes_no_progress_is_ended() -> None:
    async with Workers(TASKS) as workers:
        assert (await failure(workers, "idles")).kind == STOOD_STILL


async def test_one_that_holds_the_interpreter_is_ended_too() -> None:
    async with Workers(TASKS) as workers:
        assert (await failure(workers, "holds_the_interpreter")).kind == STOOD_STILL


@pytest.mark.slow
async def test_slow_is_not_still() -> None:
    async with Workers(TASKS) as workers:
        assert await done(workers, HASTY, what="goes_on", upto=12) == ([12], None)


async def test_a_task_whose_values_nobody_takes_waits() -> None:
    async with (
        Workers(TASKS) as workers,
        workers.task(TASKS, {"what": "counts", "upto": 300, "size": 10_000}, HASTY, nowhere) as answers,
    ):
        values = answers.values()
        got = [await anext(values)]
        began = time.monotonic()
        await until(lambda: time.monotonic() > began + 2 * HASTY.patience)  # longer than it may stand still
        got += [value async for value in values]
        assert len(got) == 300


@pytest.mark.slow
async def test_one_whose_progress_nobody_takes_goes_on() -> None:
    """Whoever tells how far it is must not wait for room: then nobody would look after the task."""
    async with Workers(TASKS) as workers:
        argument = {"what": "goes_on_unheard", "seconds": 4.0}
        async with workers.task(TASKS, argument, HASTY, nowhere) as answers:
            began = time.monotonic()
            await until(lambda: time.monotonic() > began + 5)
            assert [value async for value in answers.values()] == ["through"]


@pytest.mark.slow
async def test_one_that_is_stopped_for_long_stands_not_still() -> None:
    """As where a container is frozen, or gets no time for it: its patience is of processor time."""
    async with Workers(TASKS) as workers:
        argument = {"what": "holds_it_for_a_while", "seconds": 0.5}
        async with workers.task(TASKS, argument, HASTY, nowhere) as answers:
            values = answers.values()
            pid = await anext(values)
            os.kill(pid, signal.SIGSTOP)
            began = time.monotonic()
            await until(lambda: time.monotonic() > began + 3 * HASTY.patience)
            os.kill(pid, signal.SIGCONT)
            assert [value async for value in values] == ["through"]


async def test_memory_is_bounded() -> None:
    async with Workers(TASKS) as workers:
        told = await failure(workers, "fills_the_memory", WorkerPolicy(memory=128 * 1024 * 1024))
    assert told.kind == OUT_OF_MEMORY


async def test_one_that_dies_says_nothing() -> None:
    async with Workers(TASKS) as workers:
        assert (await failure(workers, "dies")).ended


async def test_what_the_machine_does_to_one_is_not_its_fault() -> None:
    async with Workers(TASKS) as workers:
        told = await failure(workers, "meets_the_machine")
        assert told.ended
        assert "No such file or directory" in str(told)
        assert "person" not in str(told)
        crashed = await failure(workers, "crashes")
        assert crashed.ended
        assert "crashed" in str(crashed)


@pytest.mark.slow
def test_where_no_process_is_to_be_had_whoever_asked_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under a limit of processes. The one that forks goes on."""

    def refused() -> int:
        raise BlockingIOError(errno.EAGAIN, "no more processes")

    monkeypatch.setattr(os, "fork", refused)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(child.gc, "freeze", lambda: None)
    control, its = socket.socketpair()
    asking = [socket.socketpair() for _ in range(3)]
    with its:
        with control:
            for _, theirs in asking:
                socket.send_fds(control, [b"."], [theirs.fileno()])
                theirs.close()
        child._fork(its)
    for ours, _ in asking:
        with ours:
            assert ours.recv(1) == b""


async def test_where_the_process_that_forks_dies_another_is_begun() -> None:
    async with Workers(TASKS) as workers:
        await done(workers, what="counts", upto=1)
        template = workers._template
        assert template is not None
        os.kill(template.pid, signal.SIGKILL)
        await template.wait()
        assert await done(workers, what="counts", upto=1) == ([[0, ""]], {"counted": 1})


async def test_where_no_process_is_to_be_had_it_is_no_fault_of_the_tasks() -> None:
    async with Workers("tests.support.forkless", TASKS) as workers:
        for _ in range(2):
            with pytest.raises(BlockingIOError):
                await done(workers, what="counts", upto=1)


async def test_it_holds_nothing_that_a_stranger_could_want(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "a key")
    async with Workers(TASKS, "services.chunker.reading_task", "services.quickpass.reading_task") as workers:
        (told,), _ = await done(workers, what="tells_of_itself")
    assert set(told["environment"]) <= {"TMPDIR", "TMP", "TEMP", "LC_CTYPE"}
    assert told["pid"] != os.getpid()
    assert told["descriptors"] <= 5, "nothing of this process's connections and files"
    assert told["goes_first"] in ("1000", None), "where memory runs out it is ended, and not who asked"
    assert told["heavy"] == [], "what it need not import it does not"


async def test_nothing_is_left_of_it() -> None:
    async with Workers(TASKS) as workers:
        async with workers.task(TASKS, {"what": "idles"}, WorkerPolicy(), nowhere) as answers:
            async for _ in answers.values():
                left = _children(workers)
                break
        assert left
    await until(lambda: not any(map(psutil.pid_exists, left)))


def test_a_frame_is_bounded() -> None:
    with pytest.raises(ValueError, match="over"):
        frame(VALUE, "x" * (MOST_BYTES + 1))
    with pytest.raises(ValueError, match="over"):
        announced((MOST_BYTES + 1).to_bytes(4, "big") + VALUE)


@pytest.mark.parametrize(
    "said",
    [
        b"\x00\x00\x00\x03V{]x",
        b"\x00\x00\x00\x02?{}",
        b"\x00\x00\x00\x02X{}",
        b"\x00\x00\x00\x04Xnull",
        b"\x00\x00\x00\x03X[1]",
        b"\xff\xff\xff\xffV",
        b"\x00\x00\x00\x02V\xff\xff",
    ],
)
async def test_what_is_no_answer_is_refused(said: bytes) -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(said)
    with pytest.raises(SoulprintError, match="no answer"):
        async for _ in Answers(reader, nowhere).values():
            pass


def _children(workers: Workers) -> list[int]:
    template: Any = workers._template
    return [each.pid for each in psutil.Process(template.pid).children()]
