"""What a reply must look like. The server's schema binds only loosely (no bounds, some servers nothing at
all), so every reply is validated again here."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from anthropic import transform_schema
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    create_model,
    model_validator,
)

from shared.domain.bounds import WORDS_CHARS, Share
from shared.domain.discreet import Discreet
from shared.domain.facts import Category
from shared.domain.sections import KINDS, Section
from shared.domain.text import repair

Ids = Annotated[list[int], Field(min_length=1, max_length=50)]


def _repaired(value: Any) -> Any:
    return repair(value) if isinstance(value, str) else value


Words = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=WORDS_CHARS),
    BeforeValidator(_repaired),
]
MAX_FACTS = 500


def _blank_is_none(value: Any) -> Any:
    return None if value == "" else value


Day = Annotated[date | None, BeforeValidator(_blank_is_none)]


class ReplyFact(Discreet):
    """One candidate, its messages by their short numbers."""

    category: Category
    statement: Words
    quote: Words
    ids: Ids
    valid_from: Day = None
    valid_until: Day = None
    confidence: Share = 0.8

    @model_validator(mode="after")
    def _end_of_an_event(self) -> ReplyFact:
        """Models give an event's day as both; it is no end of validity."""
        if self.valid_until == self.valid_from:
            self.valid_until = None
        return self


class ExtractReply(Discreet):
    """The reply to the extraction prompt."""

    facts: Annotated[list[ReplyFact], Field(max_length=MAX_FACTS)]


class ReduceReply(Discreet):
    """The reply to the reduction prompt: numbers of facts, the most telling first."""

    keep: Annotated[list[int], Field(min_length=1, max_length=10_000)]


class ReplyLine(Discreet):
    """One line of a document and the numbered things it rests on."""

    text: Words
    ids: Ids


class ReplyGroup(Discreet):
    """Lines under one heading."""

    heading: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
    lines: list[ReplyLine]


class MemoryReply(Discreet):
    """The reply to the memory prompt."""

    groups: Annotated[list[ReplyGroup], Field(min_length=1, max_length=50)]


def _section_reply(kind: type[Section]) -> type[BaseModel]:
    """The schema of one section: its fields, each as lines with what they rest on."""
    lines: Any = (list[ReplyLine], ...)
    return create_model(kind.__name__, __base__=Discreet, **dict.fromkeys(kind.fields(), lines))


_SECTION_REPLIES: dict[str, Any] = {name: (_section_reply(kind), ...) for name, kind in KINDS.items()}
SectionsReply: type[BaseModel] = create_model("SectionsReply", __base__=Discreet, **_SECTION_REPLIES)
"""The reply to the sections prompt, as it is asked for: the fields of `shared.domain.sections`."""


class LooseSections(Discreet):
    """The same as it is taken: each section is validated on its own, so that one bad one spoils no other."""

    model_config = ConfigDict(extra="ignore")

    soul: Any = None
    identity: Any = None
    user: Any = None
    agents: Any = None
    tools: Any = None


def json_schema(reply: type[BaseModel]) -> dict[str, Any]:
    """The schema as it is sent: what the API takes, without titles, which only cost tokens."""
    schema: dict[str, Any] = _without_titles(transform_schema(reply))
    return schema


def _without_titles(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_titles(inner)
            for key, inner in value.items()
            if not (key in ("title", "description") and isinstance(inner, str))
        }
    return [_without_titles(inner) for inner in value] if isinstance(value, list) else value
