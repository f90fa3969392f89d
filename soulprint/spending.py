"""What a run really cost, over all the commands that worked on it.

The database keeps what recorded chunks cost. What a command spent beyond that before it was stopped (on
chunks that it could not finish) is carried to the next one in a small file.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from shared.domain.errors import SoulprintError, system_reason
from shared.domain.events import Usage
from shared.domain.runs import RunKey
from shared.models.base import Metered, Model
from shared.private import write_whole

FOLDER = "spending"


class Spending:
    """The spending of one run, from the moment that this command takes it up.

    `recorded` is what the database says the run cost until now.
    """

    def __init__(self, home: Path, key: RunKey, model: Model, recorded: Usage) -> None:
        self._path = home / FOLDER / f"{key.import_id}-{key.run}.json"
        self._meter = model if isinstance(model, Metered) else None
        self._before = recorded + self._carried()

    @property
    def total(self) -> Usage:
        """All that the run cost until now."""
        return self._before if self._meter is None else self._before + self._meter.spent

    @property
    def fallbacks(self) -> list[str]:
        """Parts of the result that another writer had to write, and why."""
        return [] if self._meter is None else list(self._meter.fallbacks)

    @property
    def refused(self) -> dict[str, int]:
        """Lines that said more than what they name, by reason."""
        return {} if self._meter is None else dict(self._meter.refused)

    def carry(self, recorded: Usage) -> None:
        """Note for the next command what is not in the database, which now has `recorded`."""
        unrecorded = _minus(self.total, recorded)
        if unrecorded == Usage():
            self.forget()
            return
        try:
            write_whole(self._path, unrecorded.model_dump_json().encode())
        except OSError as error:
            raise SoulprintError(f"cannot write {self._path}: {system_reason(error)}") from None

    def forget(self) -> None:
        """The run's whole cost is in the database."""
        self._path.unlink(missing_ok=True)

    def _carried(self) -> Usage:
        try:
            return Usage.model_validate_json(self._path.read_bytes())
        except (OSError, ValidationError):
            return Usage()


def _minus(whole: Usage, part: Usage) -> Usage:
    known = whole.cost is not None and part.cost is not None
    return Usage(
        calls=whole.calls - part.calls,
        input_tokens=whole.input_tokens - part.input_tokens,
        output_tokens=whole.output_tokens - part.output_tokens,
        cache_read_tokens=whole.cache_read_tokens - part.cache_read_tokens,
        cache_write_tokens=whole.cache_write_tokens - part.cache_write_tokens,
        unanswered=whole.unanswered - part.unanswered,
        cost=round((whole.cost or 0.0) - (part.cost or 0.0), 12) if known else None,
    )
