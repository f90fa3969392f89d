"""The reading of an export as a task of a worker (shared.workers): what a service makes of it is its own."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Generator
from pathlib import Path
from typing import Any

from shared.exports.conversation import ReadLimits
from shared.exports.export import Export, open_exports


class ReadingTask(ABC):
    """Opens the exports that `argument` names and reads them as one. See shared.workers.task."""

    def __init__(self, argument: dict[str, Any]) -> None:
        self.argument = argument
        self._export: Export | None = None

    def run(self) -> Generator[Any, None, Any]:
        """See Task. Raises what opening and reading raise."""
        paths = [Path(os.fsdecode(bytes.fromhex(path))) for path in self.argument["paths"]]
        with open_exports(paths, ReadLimits(**self.argument["limits"])) as export:
            self._export = export
            return (yield from self.read(export))

    @abstractmethod
    def read(self, export: Export) -> Generator[Any, None, Any]:
        """Read it; values and the answer are the task's."""

    def progress(self) -> list[int]:
        """How many bytes are read, of how many, and what the reading adds to it."""
        export = self._export
        return [0, 0] if export is None else [export.bytes_read, export.bytes_total]


def argument_of(paths: list[Path], limits: ReadLimits, more: dict[str, Any]) -> dict[str, Any]:
    """The argument of such a task: paths are bytes, which need not be text."""
    own = {name: getattr(limits, name) for name in ReadLimits.__dataclass_fields__}
    return {"paths": [os.fsencode(path).hex() for path in paths], "limits": own, **more}
