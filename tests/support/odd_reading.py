"""The chunker's task, but for exports that name a thing to do in their first title. A worker imports this."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any

from services.chunker.reading_task import task as chunking
from shared.exports.export import Export
from shared.exports.task import ReadingTask

STANDS, DIES, FILLS = "it stands still", "it dies", "it fills its memory"


class _Odd(ReadingTask):
    def read(self, export: Export) -> Generator[Any, None, Any]:
        """What the export asks for, when its first conversation is read."""
        next(export.conversations())
        self._do()
        yield None

    def _do(self) -> None:
        data = Path(bytes.fromhex(self.argument["paths"][0]).decode()).read_bytes()
        if STANDS.encode() in data:
            while True:
                sum(range(1000))
        if FILLS.encode() in data:
            kept = []
            while True:
                kept.append(bytearray(1024 * 1024))
        os.kill(os.getpid(), signal.SIGKILL)

    def progress(self) -> list[int]:
        """As the chunker's."""
        return [*super().progress(), 0, 0]


def task(argument: dict[str, Any]) -> ReadingTask:
    """See shared.workers.task."""
    data = Path(bytes.fromhex(argument["paths"][0]).decode()).read_bytes()
    odd = any(each.encode() in data for each in (STANDS, DIES, FILLS))
    return _Odd(argument) if odd else chunking(argument)
