"""What names a run, and how its user's profile is told of it."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple
from uuid import UUID

ProfileFormat = Literal["markdown", "app"]
"""Sections as Markdown; or as the JSON that the app reads, with all columns that its pages watch."""


class RunKey(NamedTuple):
    """One run of one import."""

    import_id: UUID
    run: int


class RunKind(StrEnum):
    """What a run is for."""

    PRIMARY = "primary"
    """What was asked for."""
    QUICK = "quick"
    """First sections, while a primary run is at work."""
    FALLBACK = "fallback"
    """Sections after a primary run has failed."""
    SHADOW = "shadow"
    """To compare: it serves nothing."""
