"""Readers of an export, to be timed as whole processes: `python -m bench.readers {chunker,ijson} EXPORT`.

The chunker reads with default settings and hands its passages and chunks to nobody.
"""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import ijson

from services.chunker.chunking import ChunkingJob, chunk_conversations
from services.chunker.passages import Passage
from services.chunker.report import ChunkingReport, ChunkPolicy
from shared.domain.events import ChunkReady
from shared.exports.conversation import ReadLimits
from shared.exports.export import open_export

NOBODY = UUID(int=0)


@dataclass(slots=True)
class Counting:
    """A sink that keeps nothing; it counts the chunks that hold a conversation of `wanted`."""

    wanted: frozenset[str] = frozenset()
    holding: int = 0

    async def save_passages(self, passages: list[Passage]) -> None:
        """Drop them."""

    async def publish(self, chunk: ChunkReady) -> None:
        """Look at it and drop it."""
        if self.wanted and any(header.id in self.wanted for header in chunk.conversations):
            self.holding += 1


def chunks_with(export: Path, conversation_ids: frozenset[str]) -> int:
    """How many chunks of `export` hold one of the conversations."""
    sink = Counting(conversation_ids)
    read_with_chunker(export, sink)
    return sink.holding


def read_with_chunker(export: Path, sink: Counting) -> None:
    """Read the whole export as a run would."""
    job = ChunkingJob(NOBODY, NOBODY, 1, "bench")
    with open_export(export, ReadLimits()) as opened:
        asyncio.run(chunk_conversations(opened.conversations(), job, ChunkPolicy(), sink, ChunkingReport()))


def read_with_ijson(export: Path) -> None:
    """Read every conversation and drop it: what any streaming reader has to do at least."""
    with export.open("rb") as stream:
        for _ in ijson.items(stream, "item"):
            pass


if __name__ == "__main__":
    reader, path = sys.argv[1], Path(sys.argv[2])
    if reader == "ijson":
        read_with_ijson(path)
    else:
        read_with_chunker(path, Counting())
