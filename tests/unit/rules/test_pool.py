"""Worker processes: same answers as in-process, and nothing lost or left over when one is killed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator

import psutil
import pytest

from shared.domain.errors import ModelError, SoulprintError
from shared.domain.events import ChunkReady
from shared.models.rules import pool
from shared.models.rules.extract import extract_candidates
from shared.models.rules.model import OfflineModel
from shared.models.rules.pool import OfflineExtractor
from tests.support.labelled import labelled
from tests.unit.rules.said_support import chunk_of, message

CHUNKS = [
    chunk_of(*(message(row["text"], number) for number, row in enumerate(labelled("dev")[begin : begin + 8])))
    for begin in range(0, 240, 8)
]
EXPECTED = [extract_candidates(chunk) for chunk in CHUNKS]
READY = (
    "import sys; sys.path.append(sys.argv[1]); from shared.models.rules.frames import READY, frame; "
    "out = sys.stdout.buffer; out.write(frame(READY)); out.flush(); "
)


@pytest.fixture
async def one_worker() -> AsyncIterator[OfflineExtractor]:
    extractor = OfflineExtractor(1)
    yield extractor
    await extractor.close()


def workers() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children()
        if "shared.models.rules.worker" in " ".join(child.cmdline())
    ]


@pytest.mark.parametrize("count", [0, 1, 2])
async def test_any_number_of_workers_gives_the_same_candidates(count: int) -> None:
    extractor = OfflineExtractor(count)
    try:
        assert await asyncio.gather(*(extractor.extract(chunk) for chunk in CHUNKS)) == EXPECTED
    finally:
        await extractor.close()


async def test_a_killed_worker_is_replaced_and_its_chunks_are_read_again(
    one_worker: OfflineExtractor,
) -> None:
    assert await one_worker.extract(CHUNKS[0]) == EXPECTED[0]
    (victim,) = workers()
    tasks = [asyncio.create_task(one_worker.extract(chunk)) for chunk in CHUNKS]
    await asyncio.sleep(0)
    victim.kill()
    assert await asyncio.gather(*tasks) == EXPECTED
    assert victim.pid not in {process.pid for process in workers()}


async def test_a_chunk_under_which_workers_keep_dying_is_given_up(
    monkeypatch: pytest.MonkeyPatch, one_worker: OfflineExtractor
) -> None:
    monkeypatch.setattr(pool, "_PROGRAM", READY + "sys.stdin.buffer.read(8)")
    with pytest.raises(ModelError, match="died 2 times"):
        await one_worker.extract(CHUNKS[0])
    monkeypatch.undo()
    assert await one_worker.extract(CHUNKS[1]) == EXPECTED[1]


SILENT_AT = (
    "import sys; sys.path += sys.argv[1:]; from shared.models.rules import worker; "
    "read = worker.read_messages; "
    "forever = lambda said, told: [0 for _ in iter(int, 1)]; "
    "worker.read_messages = lambda said, told: (forever if 'silence' in said[0].text else read)(said, told); "
    "worker.main()"
)
"""The worker as it is, which for ever reads a chunk that holds a word."""


@pytest.mark.slow
async def test_a_chunk_that_a_worker_never_answers_is_given_up_and_holds_no_other(
    monkeypatch: pytest.MonkeyPatch, one_worker: OfflineExtractor
) -> None:
    monkeypatch.setattr(pool, "_PROGRAM", SILENT_AT)
    monkeypatch.setattr(pool, "PATIENCE", 1.0)
    hostile = chunk_of(message("silence", 0))
    tasks = [asyncio.create_task(one_worker.extract(chunk)) for chunk in (CHUNKS[0], hostile, *CHUNKS[1:4])]
    first, given_up, *rest = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(given_up, ModelError)
    assert "silent for 1 seconds" in str(given_up)
    assert [first, *rest] == EXPECTED[:4]
    assert len(workers()) == 0  # each was of another program
    await one_worker.close()


async def test_a_worker_that_has_nothing_to_read_may_be_silent(
    monkeypatch: pytest.MonkeyPatch, one_worker: OfflineExtractor
) -> None:
    assert await one_worker.extract(CHUNKS[0]) == EXPECTED[0]
    monkeypatch.setattr(pool, "PATIENCE", 0.3)
    (worker,) = workers()
    asleep = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(3 * pool.PATIENCE, asleep.set_result, None)
    await asleep
    monkeypatch.undo()
    assert await one_worker.extract(CHUNKS[1]) == EXPECTED[1]
    assert [each.pid for each in workers()] == [worker.pid]


async def test_the_loop_is_free_while_this_process_reads_a_long_chunk() -> None:
    extractor = OfflineExtractor(0)
    reading = asyncio.create_task(
        extractor.extract(chunk_of(message("I was in Leeds, I like it. " * 8000, 0)))
    )
    turns = 0
    while not reading.done():
        turns += 1
        await asyncio.sleep(0)
    await reading
    assert turns > 10


async def test_a_worker_that_cannot_start_is_no_fault_of_the_chunk(
    monkeypatch: pytest.MonkeyPatch, one_worker: OfflineExtractor
) -> None:
    monkeypatch.setattr(pool, "_PROGRAM", "raise SystemExit(3)")
    with pytest.raises(SoulprintError, match="exit code 3") as caught:
        await one_worker.extract(CHUNKS[0])
    assert not isinstance(caught.value, ModelError)


async def test_a_worker_that_is_never_ready_is_no_fault_of_the_chunk(
    monkeypatch: pytest.MonkeyPatch, one_worker: OfflineExtractor
) -> None:
    monkeypatch.setattr(pool, "_PROGRAM", "import sys; [0 for _ in iter(int, 1)]")
    monkeypatch.setattr(pool, "START_PATIENCE", 0.1)
    with pytest.raises(SoulprintError, match=r"before it began \(silent for 0\.1 seconds\)") as caught:
        await one_worker.extract(CHUNKS[0])
    assert not isinstance(caught.value, ModelError)


async def test_an_error_in_a_worker_names_its_class_and_not_the_text(
    monkeypatch: pytest.MonkeyPatch, one_worker: OfflineExtractor
) -> None:
    fails = (
        "sys.stdin.buffer.read(8); out.write(frame(([], [], (0, 0), 'KeyError'))); out.flush(); "
        "sys.stdin.buffer.read()"
    )
    monkeypatch.setattr(pool, "_PROGRAM", READY + fails)
    with pytest.raises(ModelError, match="KeyError") as caught:
        await one_worker.extract(CHUNKS[0])
    assert CHUNKS[0].messages[0].text not in str(caught.value)


async def test_closing_twice_or_before_the_first_chunk_leaves_no_process() -> None:
    unused = OfflineExtractor(2)
    await unused.close()
    await unused.close()
    with pytest.raises(ModelError, match="closed"):
        await unused.extract(CHUNKS[0])
    assert workers() == []


async def test_closing_with_chunks_in_flight_answers_or_refuses_each() -> None:
    extractor = OfflineExtractor(1)
    tasks = [asyncio.create_task(extractor.extract(chunk)) for chunk in CHUNKS]
    await asyncio.sleep(0)
    await extractor.close()
    for outcome, expected in zip(await asyncio.gather(*tasks, return_exceptions=True), EXPECTED, strict=True):
        assert outcome == expected or isinstance(outcome, ModelError)
    assert workers() == []


async def test_a_cancelled_chunk_does_not_shift_the_answers(one_worker: OfflineExtractor) -> None:
    await one_worker.extract(CHUNKS[0])
    tasks = [asyncio.create_task(one_worker.extract(chunk)) for chunk in CHUNKS[:4]]
    await asyncio.sleep(0)
    tasks[1].cancel()
    rest = await asyncio.gather(tasks[0], *tasks[2:])
    assert rest == [EXPECTED[0], *EXPECTED[2:4]]


@pytest.mark.slow
def test_workers_do_not_outlive_a_killed_parent() -> None:
    program = (
        "import asyncio, psutil\n"
        "from tests.unit.rules.test_pool import CHUNKS, OfflineExtractor\n"
        "async def main():\n"
        "    extractor = OfflineExtractor(2)\n"
        "    await asyncio.gather(*(extractor.extract(chunk) for chunk in CHUNKS))\n"
        "    print(*(child.pid for child in psutil.Process().children()), flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        children = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        parent.kill()
    assert len(children) == 2
    assert psutil.wait_procs(children, timeout=20)[1] == []


async def test_the_offline_model_extracts_and_names_itself() -> None:
    model = OfflineModel(workers=0)
    chunk: ChunkReady = CHUNKS[0]
    assert (await model.extract(chunk)) == EXPECTED[0]
    assert model.name == "offline"
    assert model.prompt_version == OfflineModel().prompt_version
    await model.close()
