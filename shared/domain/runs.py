"""What names a run, and how its user's profile is told of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple
from uuid import UUID

ProfileFormat = Literal["markdown", "app"]
"""Sections as Markdown; or as the JSON that the app reads, with all columns that its pages watch."""


Priority = Literal["live", "replay"]
"""Whether somebody waits for a run: what is `replay` stands behind what is `live`."""


class RunKind(StrEnum):
    """What a run is for."""

    PRIMARY = "primary"
    """What was asked for. It alone speaks for its user."""
    QUICK = "quick"
    """First sections, while the primary run of its parent with the same number is at work."""
    FALLBACK = "fallback"
    """Sections of v1, after a primary run of the same import has failed."""
    SHADOW = "shadow"
    """Beside a run, to be compared with it: nothing of it is served, and nobody is told of it."""


class RunKey(NamedTuple):
    """One run of one import."""

    import_id: UUID
    run: int
