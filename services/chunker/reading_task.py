"""What a worker of the chunker does: reads an export and cuts it. Imports no more than that takes."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from services.chunker.cutting import Cut, Cutting
from services.chunker.report import ChunkingReport, ChunkPolicy
from shared.domain.text import BYTES_PER_TOKEN
from shared.exports.export import Export
from shared.exports.task import ReadingTask

BATCH_CHARS = 128 * 1024
"""About how much of text is handed out at a time: some milliseconds' work for whoever takes it."""


class _Chunking(ReadingTask):
    """Values are lists of pieces, each the fields of a Passage or of a Cut; last, how far it is."""

    def __init__(self, argument: dict[str, Any]) -> None:
        super().__init__(argument)
        self._report = ChunkingReport()

    def progress(self) -> list[int]:
        """Bytes read, bytes in all, conversations seen, chunks cut."""
        return [*super().progress(), self._report.seen, self._report.chunks]

    def read(self, export: Export) -> Generator[Any, None, Any]:
        """The answer is the report."""
        report = self._report
        batch: list[Any] = []
        size = 0
        cutting = Cutting(ChunkPolicy(**self.argument["policy"]), report)
        for piece in cutting.pieces(export.conversations()):
            batch.append(tuple(piece))
            if isinstance(piece, Cut):
                size += piece.token_count * BYTES_PER_TOKEN
            else:
                size += len(piece.content)
            if size > BATCH_CHARS:
                yield [*batch, self.progress()]
                batch, size = [], 0
        if batch:
            yield [*batch, self.progress()]
        report.conclude(export)
        return report


def task(argument: dict[str, Any]) -> _Chunking:
    """See shared.workers.task."""
    return _Chunking(argument)
