"""The sample that sections are written from: the richest conversations of an export."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SampleConversation:
    """One of the richest conversations, for the sections: the person's own words, clipped."""

    id: str
    title: str
    created_at: datetime | None
    person_characters: int
    excerpts: tuple[str, ...]
    """What the person says in their messages, each clipped to `exports.richest.EXCERPT_CHARS`, never the
    assistant's, nor what they pasted."""
    account: int = 0
    """Which of the accounts of its run it is of."""
    standing: bool = False
    """Whether these are the person's custom instructions."""
