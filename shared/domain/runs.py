"""What names a run."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID


class RunKey(NamedTuple):
    """One run of one import."""

    import_id: UUID
    run: int
