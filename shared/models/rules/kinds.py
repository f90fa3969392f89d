"""From the kind of a fact, under which a memory tells it, to its category and its time."""

from __future__ import annotations

from shared.models.rules.when import Time

_CATEGORY = {
    "about": "beliefs",
    "home": "beliefs",
    "work": "beliefs",
    "health": "beliefs",
    "beliefs": "beliefs",
    "projects": "projects",
    "tastes": "preferences",
    "tools": "preferences",
    "answers": "preferences",
    "plans": "dates",
    "decisions": "decisions",
}
_TIME: dict[str, Time] = {"plans": "event", "decisions": "change"}


def category_of(kind: str) -> str:
    """The category of a fact of this kind (`shared.domain.facts.Category`, by value)."""
    return _CATEGORY[kind]


def time_of(kind: str) -> Time:
    """How dates in its words are read."""
    return _TIME.get(kind, "span")
