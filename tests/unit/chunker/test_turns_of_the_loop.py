"""What is large is read and packed beside the loop, to the same chunks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import pytest

from services.chunker.chunking import chunk_conversations
from services.chunker.report import ChunkingReport, ChunkPolicy
from shared.exports.conversation import LARGE_AHEAD, Conversation, Parsed, Turn
from tests.unit.chunker.test_chunker import KEY, Kept, chunked, talk

LARGE = Conversation("large", "t", [Turn(f"m{n}", "user", f"{n} words " * 400, 1.7e9) for n in range(200)])


async def test_a_thread_reads_what_is_large_and_the_loop_all_else() -> None:
    threads: list[tuple[str, bool]] = []

    def conversations() -> Iterator[Parsed]:
        for each in (talk("a", "hello"), LARGE_AHEAD, LARGE, talk("b", "hi")):
            if isinstance(each, Conversation):
                threads.append((each.id, threading.current_thread() is threading.main_thread()))
            yield each

    sink, report = Kept(), ChunkingReport()
    await chunk_conversations(conversations(), KEY, ChunkPolicy(), sink, report)
    assert threads == [("a", True), ("large", False), ("b", True)]
    plain, plain_report = await chunked([talk("a", "hello"), LARGE, talk("b", "hi")])
    assert (sink.chunks, sink.passages, report) == (plain.chunks, plain.passages, plain_report)


async def test_the_loop_turns_while_a_thread_reads() -> None:
    read_on = threading.Event()

    def conversations() -> Iterator[Parsed]:
        yield LARGE_AHEAD
        assert read_on.wait(30)  # for ever, if the loop stood still meanwhile
        yield talk("a", "hello")

    sink = Kept()
    reading = asyncio.create_task(
        chunk_conversations(conversations(), KEY, ChunkPolicy(), sink, ChunkingReport())
    )
    await asyncio.sleep(0)
    read_on.set()
    await reading
    assert len(sink.chunks) == 1


async def test_when_it_is_cancelled_the_thread_has_left_what_it_read_from() -> None:
    inside, go_on, left = threading.Event(), threading.Event(), threading.Event()

    def conversations() -> Iterator[Parsed]:
        yield LARGE_AHEAD
        inside.set()
        go_on.wait(30)
        left.set()
        raise ValueError("its file is closed")

    reading = asyncio.create_task(
        chunk_conversations(conversations(), KEY, ChunkPolicy(), Kept(), ChunkingReport())
    )
    await asyncio.to_thread(inside.wait, 30)
    reading.cancel()
    asyncio.get_running_loop().call_soon(go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert left.is_set()


async def test_passages_of_one_large_conversation_are_saved_in_batches() -> None:
    batches: list[int] = []

    class Batches(Kept):
        async def save_passages(self, passages: list) -> None:  # type: ignore[type-arg]
            batches.append(sum(len(each.content) for each in passages))
            await super().save_passages(passages)

    sink = Batches()
    policy = ChunkPolicy(passage_batch_bytes=100_000)
    await chunk_conversations([LARGE], KEY, policy, sink, ChunkingReport())
    assert len(batches) > 5
    assert max(batches) < 100_000 + 10_000
    assert [each.passage_index for each in sink.passages] == list(range(len(sink.passages)))
