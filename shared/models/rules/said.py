"""What extraction reads and finds, as plain tuples: the worker processes know no Pydantic, which keeps them
small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Said(NamedTuple):
    """One message of the person."""

    id: str
    conversation_id: str
    text: str
    day: int | None
    """Proleptic ordinal of the day it was said, None if unknown."""
    custom: bool
    """True for custom instructions."""


@dataclass(slots=True)
class Told:
    """How much of what the person says of themselves gave facts, in sentences."""

    about: int = 0
    """In which they say I, my or we, and ask nothing."""
    with_fact: int = 0
    """Of these, those that gave a fact."""


class Found(NamedTuple):
    """One candidate; `shared.domain.facts.Candidate` documents the fields."""

    message_id: str
    category: str
    statement: str
    quote: str
    valid_from: int | None
    """Proleptic ordinal of a day."""
    valid_until: int | None
    confidence: float
