"""What names a run, and how its user's profile is told of it."""

from __future__ import annotations

from typing import Literal, NamedTuple
from uuid import UUID

ProfileFormat = Literal["markdown", "app"]
"""Sections as Markdown; or as the JSON that the app reads, with all columns that its pages watch."""


class RunKey(NamedTuple):
    """One run of one import."""

    import_id: UUID
    run: int
