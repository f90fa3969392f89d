"""Facts: what a model proposes, what grounding lets through, what merging settles.

One word for each step of a fact's life:

- a *candidate* is what a model proposes for one chunk; nobody has checked it;
- a *fact* is a candidate whose quote stands in the person's own words (grounding), with its deterministic id;
- a *settled fact* is what the consolidator makes of all facts that say the same thing: its support, its
  status and everything it rests on.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field

from shared.domain.bounds import Id, Moment, Share, Words
from shared.domain.discreet import Discreet


class Category(StrEnum):
    """The five kinds of fact. Every fact has exactly one."""

    PREFERENCES = "preferences"
    """Tastes, habits, possessions, tools, and standing wishes to the assistant."""
    PROJECTS = "projects"
    """What the person makes or pursues beside work and study: a novel, an app, a marathon. A job is none."""
    DATES = "dates"
    """What happened or will on a day or in a period: trips, appointments, birthdays, weddings, results."""
    BELIEFS = "beliefs"
    """Who the person is and holds to be true: identity, home, work, health, values, opinions."""
    DECISIONS = "decisions"
    """What the person resolved, gave up, began, quit, joined, bought, sold, moved."""


class SourceKind(StrEnum):
    """Where in the export the person said it."""

    CONVERSATION = "conversation"
    CUSTOM_INSTRUCTIONS = "custom_instructions"


class FactStatus(StrEnum):
    """What merging made of a fact."""

    CURRENT = "current"
    """Holds today as far as the export tells."""
    SUPERSEDED = "superseded"
    """A later statement on the same matter took its place, or its day is past; kept as history."""
    MERGED = "merged"
    """Said the same as another fact, whose support it raised; not listed on its own."""


ABOUT_SELF = "sentences about oneself"
WITH_FACT = "sentences about oneself with a fact"
SENTENCES = (ABOUT_SELF, WITH_FACT)
"""Names, among the counts of refused candidates, of what a model tells of how much it understood."""


class Candidate(Discreet):
    """One fact as a model proposes it. Untrusted: `services.extractor.grounding` checks it."""

    model_config = ConfigDict(frozen=True)

    category: Category
    statement: Words
    """One sentence that can be understood alone."""
    quote: Words
    """Verbatim words of the person, short, that carry the statement."""
    message_ids: Annotated[tuple[Id, ...], Field(min_length=1)]
    """Messages of the chunk the statement rests on; the quote must stand in one of them."""
    valid_from: date | None = None
    valid_until: date | None = None
    confidence: Share = 0.8


class Fact(Candidate):
    """A grounded candidate. `id` is `ids.fact_id`, equal for equal words of the same message."""

    id: UUID
    conversation_id: Id
    stated_at: Moment | None = None
    """When the person said it: the message's own time, else its conversation's, else None. UTC."""
    source_kind: SourceKind = SourceKind.CONVERSATION


class SettledFact(Fact):
    """A fact after merging: one for everything in a run that says the same."""

    status: FactStatus = FactStatus.CURRENT
    support: Annotated[int, Field(ge=1)] = 1
    """In how many distinct conversations it was said."""
    superseded_by: UUID | None = None
    """The later fact that took its place, of history; none where a plan's day is past."""
    merged_ids: tuple[UUID, ...] = ()
    """The other facts it absorbed, in id order."""
    matter: str = ""
    """What it speaks of (`shared.english.matters`). Only facts of one matter are compared."""
