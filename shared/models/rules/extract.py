"""Extraction as the stages know it: a chunk in, candidates out. The rules themselves work on plain tuples.

What is a fact is learned: data/labels/README.md. Where to add a kind of text that is not the person's own:
`shared/english/regions.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from shared.domain.events import ChunkReady
from shared.domain.facts import Candidate, Category
from shared.models.base import Extraction
from shared.models.rules.reading import read_messages
from shared.models.rules.said import Found, Said, Told

_CATEGORIES = {category.value: category for category in Category}


def extract_candidates(chunk: ChunkReady) -> Extraction:
    """The candidates of one chunk: facts the person states about themselves, each with a verbatim quote.

    Pure and deterministic. Conversations that are evidently not English are named in `unread`.
    """
    told = Told()
    found, unread = read_messages([Said._make(each) for each in said_in(chunk)], told)
    return to_extraction(found, unread, (told.about, told.with_fact))


def said_in(chunk: ChunkReady) -> list[tuple[object, ...]]:
    """The person's messages of a chunk, with no more than extraction needs: the fields of `Said`, as plain as
    a frame takes them."""
    return [
        (
            message.id,
            message.conversation_id,
            message.text,
            message.created_at.toordinal() if message.created_at is not None else None,
            message.custom_instructions,
        )
        for message in chunk.messages
        if message.role == "user"
    ]


def to_extraction(
    found: Iterable[Sequence[object]], unread: Iterable[str], told: tuple[int, int]
) -> Extraction:
    """Extraction of plain `Found` tuples, and the counts of `Told`."""
    candidates = tuple(_candidate(Found._make(fact)) for fact in found)
    return Extraction(candidates, unread=tuple(unread), about_self=told[0], with_fact=told[1])


def _candidate(found: Found) -> Candidate:
    return Candidate(
        category=_CATEGORIES[found.category],
        statement=found.statement,
        quote=found.quote,
        message_ids=(found.message_id,),
        valid_from=_day(found.valid_from),
        valid_until=_day(found.valid_until),
        confidence=found.confidence,
    )


def _day(ordinal: int | None) -> date | None:
    return date.fromordinal(ordinal) if ordinal is not None else None
