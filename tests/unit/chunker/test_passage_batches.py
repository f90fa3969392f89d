"""Passages of one conversation go out some at a time, however large it is."""

from __future__ import annotations

from services.chunker.chunking import chunk_conversations
from services.chunker.report import ChunkingReport, ChunkPolicy
from shared.exports.conversation import Conversation, Turn
from tests.unit.chunker.test_chunker import KEY, Kept

LARGE = Conversation("large", "t", [Turn(f"m{n}", "user", f"{n} words " * 400, 1.7e9) for n in range(200)])


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
