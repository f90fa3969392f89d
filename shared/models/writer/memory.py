"""The offline MEMORY: one line a fact under its theme, dated, its history below it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from shared.domain.facts import FactStatus, SettledFact, SourceKind
from shared.domain.markdown import plain, reference
from shared.domain.text import BYTES_PER_TOKEN
from shared.english.themes import Theme, theme_of
from shared.models.base import Digest
from shared.models.writer.reduce import settled_matter, weight

_RELATIVE = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|ago|recently|soon|(?:last|next|this|coming|past) (?!name|two\b)"
    r"(?:\w+ )?(?:week|weekend|month|year|day|night|spring|summer|autumn|fall|winter|january|february|march"
    r"|april|may|june|july|august|september|october|november|december|\w+day|christmas|easter|semester"
    r"|term))\b",
    re.IGNORECASE,
)
"""Words whose day depends on when they are said."""
_SPAN = re.compile(r"\bsince\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A line of the document and those below it that tell what was before."""

    fact: SettledFact
    theme: Theme
    matter: str
    weight: float
    history: tuple[SettledFact, ...] = ()


def memory_body(digest: Digest, budget_tokens: int) -> str:
    """The body of MEMORY within `budget_tokens`; if it cannot hold all, the least telling lines go."""
    entries = _entries(digest.facts)
    room = budget_tokens * BYTES_PER_TOKEN
    shown: dict[Theme, list[tuple[_Entry, list[str]]]] = defaultdict(list)
    for entry in sorted(entries, key=lambda e: (-e.weight, e.fact.id.int)):
        heading = 0 if entry.theme in shown else _size(_heading(entry.theme)) + 3
        line = fact_line(entry.fact)
        if heading + _size(line) + 1 > room:
            continue
        room -= heading + _size(line) + 1
        lines = [line]
        for earlier in entry.history:
            below = f"  - earlier: {_told(earlier)}"
            if _size(below) + 1 <= room:
                room -= _size(below) + 1
                lines.append(below)
        shown[entry.theme].append((entry, lines))
    blocks = []
    for theme in Theme:
        if theme in shown:
            told = [line for _, lines in sorted(shown[theme], key=_place) for line in lines]
            blocks.append("\n".join([_heading(theme), "", *told]))
    return "\n\n".join(blocks)


def fact_line(fact: SettledFact) -> str:
    """`- I live in Porto. (2024-03, said in 4 conversations) [f:1a2b3c4d]`"""
    return f"- {'earlier: ' if fact.status is FactStatus.SUPERSEDED else ''}{_told(fact)}"


def _told(fact: SettledFact) -> str:
    return f"{plain(fact.statement)} {notes_on(fact)} {reference(fact.id)}"


def notes_on(fact: SettledFact) -> str:
    """When and how often it was said: `(2024-03, said in 4 conversations)`; of a day that its words leave
    open, which it is: `(said 2024-03, planned for 2024-05)`"""
    notes = []
    relative = _RELATIVE.search(fact.statement) is not None
    if fact.stated_at is not None:
        notes.append(f"said {fact.stated_at:%Y-%m}" if relative else f"{fact.stated_at:%Y-%m}")
    elif fact.source_kind is not SourceKind.CUSTOM_INSTRUCTIONS:
        notes.append("undated")
    if fact.source_kind is SourceKind.CUSTOM_INSTRUCTIONS:
        notes.append("custom instructions")
    if fact.valid_from is not None and fact.stated_at is not None:
        if fact.valid_from > fact.stated_at.date() and _month(fact.valid_from) != f"{fact.stated_at:%Y-%m}":
            notes.append(f"planned for {_month(fact.valid_from)}")
        elif relative:
            notes.append(f"{'since' if _SPAN.search(fact.statement) else 'in'} {_month(fact.valid_from)}")
    if fact.valid_until is not None:
        notes.append(f"until {fact.valid_until:%Y-%m}")
    if fact.support > 1:
        notes.append(f"said in {fact.support} conversations")
    return f"({', '.join(notes)})"


def _month(day: date) -> str:
    """A first of January may be all that "last year" tells: then the year alone is sure."""
    return f"{day:%Y}" if (day.month, day.day) == (1, 1) else f"{day:%Y-%m}"


def _entries(facts: Sequence[SettledFact]) -> list[_Entry]:
    """Current facts with their history; history without a successor at hand stands for itself."""
    matters = {fact.id: settled_matter(fact) for fact in facts}
    known = {fact.id: fact for fact in facts}
    heads: dict[str, list[UUID]] = defaultdict(list)
    for fact in facts:
        if fact.status is not FactStatus.SUPERSEDED and matters[fact.id].startswith("slot:"):
            heads[matters[fact.id]].append(fact.id)
    history: dict[UUID, list[SettledFact]] = defaultdict(list)
    for fact in facts:
        if fact.status is FactStatus.SUPERSEDED:
            history[_successor(fact, known, heads[matters[fact.id]])].append(fact)
    entries = []
    for fact in facts:
        if fact.status is FactStatus.SUPERSEDED and fact.id not in history:
            continue
        earlier = [each for each in history[fact.id] if each.id != fact.id]
        matter = matters[fact.id]
        theme = theme_of(fact, matter)
        ordered = sorted(earlier, key=lambda each: (_stamp(each), each.id.int), reverse=True)
        entries.append(_Entry(fact, theme, matter, weight(fact, matter, theme), tuple(ordered)))
    return entries


def _successor(fact: SettledFact, known: dict[UUID, SettledFact], heads: list[UUID]) -> UUID:
    """The current fact that `fact` is history of: along the chain, else the only current one of its slot."""
    step, seen = fact, {fact.id}
    while step.status is FactStatus.SUPERSEDED and step.superseded_by in known:
        step = known[step.superseded_by]
        if step.id in seen:
            return fact.id
        seen.add(step.id)
    if step.status is not FactStatus.SUPERSEDED:
        return step.id
    return heads[0] if len(heads) == 1 else fact.id


def _place(item: tuple[_Entry, list[str]]) -> tuple[bool, str, float, int]:
    """Order within a theme: slots first, then matter by matter, the latest first."""
    entry = item[0]
    return not entry.matter.startswith("slot:"), entry.matter, -_stamp(entry.fact), entry.fact.id.int


def _stamp(fact: SettledFact) -> float:
    return fact.stated_at.timestamp() if fact.stated_at is not None else float("-inf")


def _heading(theme: Theme) -> str:
    return f"## {theme}"


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
