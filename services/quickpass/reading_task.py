"""What a worker of the quickpass does: reads an export for its sample. Imports no more than that takes."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from services.quickpass.sampling import Sampling
from shared.exports.export import Export
from shared.exports.task import ReadingTask


class _Sampling(ReadingTask):
    def __init__(self, argument: dict[str, Any]) -> None:
        super().__init__(argument)
        self._sampling = Sampling(argument["size"])

    def progress(self) -> list[int]:
        """Bytes read, bytes in all, conversations seen."""
        return [*super().progress(), self._sampling.seen]

    def read(self, export: Export) -> Generator[Any, None, Any]:
        """The one value is how far it is in the end; the answer the fields of a `sampling.Sampled`. Raises
        UnreadableExportError if nothing came of an export that was not empty."""
        sampling = self._sampling
        for parsed in export.conversations():
            sampling.take(parsed)
        sampling.require_something(export.breaks)
        yield self.progress()
        return {
            "conversations": sampling.conversations(),
            "counts": sampling.counts(export.format_names),
            "breaks": export.breaks,
            "kept": sampling.kept,
        }


def task(argument: dict[str, Any]) -> _Sampling:
    """See shared.workers.task."""
    return _Sampling(argument)
