"""Which run of an import this machine began and has not yet written the files of.

A command that is killed between the commit of a memory and its files leaves a complete run behind; the same
command then writes these files, in place of beginning another run.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from shared.domain.errors import SoulprintError, system_reason
from shared.domain.runs import RunKey
from shared.private import write_whole

FOLDER = "unwritten"


class Unwritten:
    """The note on one import: a file of its name that holds the run's number."""

    def __init__(self, home: Path, import_id: object) -> None:
        self._path = home / FOLDER / str(import_id)

    def run(self) -> int | None:
        """The run that was begun and whose files were not written."""
        with suppress(OSError, ValueError):
            return int(self._path.read_text("ascii"))
        return None

    def note(self, key: RunKey) -> None:
        """A run begins, or goes on. Raises SoulprintError."""
        if self.run() == key.run:
            return
        try:
            write_whole(self._path, b"%d" % key.run)
        except OSError as error:
            raise SoulprintError(f"cannot write {self._path}: {system_reason(error)}") from None

    def forget(self) -> None:
        """The run ended and its files are written, or it has none."""
        with suppress(OSError):
            self._path.unlink(missing_ok=True)
