"""The five profile sections as fields: what a model answers, and what a memory holds.

The fields are those that the app knows. `shared.domain.documents` renders them, for people and for the app.
Unknown is an empty text or list; a model's words for that ("not enough data") are taken so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, NamedTuple, Self, get_origin

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from shared.domain import bounds
from shared.domain.discreet import Discreet
from shared.domain.earlier_sections import lines_of
from shared.domain.markdown import visible

LINE_CHARS = 1000
TEXT_CHARS = 100_000
LINES = 500
"""Most lines of one field. All three lie far above what a model gives."""
FRAME_CHARS = 300
"""What the names of a section's fields take."""
BARE = frozenset({"ai_name", "archetype", "name", "preferred_address"})
"""Fields that hold one value, such as a name: the first line is all of it."""
_REFERENCES = "references"
_NOT_KNOWN = re.compile(
    r"(?:(?:not enough|insufficient) (?:data|information|evidence)\b.*"
    r"|no (?:data|information|evidence)(?: (?:available|found|given|provided))?"
    r"|not (?:applicable|available|determined|known|mentioned|provided|specified|stated|sure)"
    r"|unknown|unclear|unspecified|none|null|n/a)?"
)


def is_known(line: str) -> bool:
    """Whether `line` says anything: models fill what they do not know with words for that."""
    return _NOT_KNOWN.fullmatch(line.casefold().strip(" .!-–—_*()[]\"'“”")) is None


class Line(NamedTuple):
    """One thing that is told, and the short ids of the facts that it rests on."""

    text: str
    facts: tuple[str, ...] = ()


def _told(text: str) -> str:
    line = visible(text)
    return line if is_known(line) else ""


def _text(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return "\n".join(line for each in value.split("\n") if (line := _told(each)))


def _items(value: Any) -> Any:
    if not isinstance(value, list | tuple):
        return value
    items = (_told(each) if isinstance(each, str) else each for each in value)
    return tuple(each for each in items if each != "")


Text = Annotated[str, Field(max_length=TEXT_CHARS), BeforeValidator(_text)]
"""Some words, or several lines of them. Whatever made it, nothing in it is invisible."""
Items = Annotated[
    tuple[Annotated[str, Field(max_length=LINE_CHARS)], ...],
    Field(max_length=LINES),
    bounds.FIRST_ERROR,
    BeforeValidator(_items),
]
Basis = Annotated[
    tuple[tuple[Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")], ...], ...],
    Field(max_length=LINES),
    bounds.FIRST_ERROR,
]


class Section(Discreet):
    """What the five have in common. A text is read too: as events and rows held a section before it had
    fields, in Markdown."""

    model_config = ConfigDict(frozen=True)

    rest: ClassVar[str]
    """The field that takes what came without one."""

    references: Annotated[dict[str, Basis], Field(max_length=20)] = Field(default={})
    """By field, line by line: the first eight digits of the ids of the facts that the line rests on."""

    @model_validator(mode="before")
    @classmethod
    def _of_markdown(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return dict(cls.of({cls.rest: [Line(text, facts) for text, facts in lines_of(value)]}))

    @classmethod
    def title(cls) -> str:
        """Which of the five it is: the name of its field in `shared.domain.events.Sections`."""
        return cls.__name__.lower()

    @classmethod
    def fields(cls) -> tuple[str, ...]:
        """The names of its fields, in their order."""
        return tuple(name for name in cls.model_fields if name != _REFERENCES)

    @classmethod
    def is_list(cls, field: str) -> bool:
        """Whether the field is a list of lines, and not a text."""
        return get_origin(cls.model_fields[field].annotation) is tuple

    @classmethod
    def of(cls, told: Mapping[str, Iterable[Line]]) -> Self:
        """The section of these lines by field. What is too long is clipped, what says nothing is left out."""
        values: dict[str, Any] = {}
        references = {}
        for field, lines in told.items():
            kept = _within_bounds(lines)
            if field in BARE:
                kept = [Line(bounds.clipped(line.text, bounds.NAME_CHARS), line.facts) for line in kept[:1]]
            texts = [line.text for line in kept]
            values[field] = texts if cls.is_list(field) else "\n".join(texts)
            if any(line.facts for line in kept):
                references[field] = tuple(line.facts for line in kept)
        return cls(references=references, **values)

    def lines(self, field: str) -> list[Line]:
        """The field, line by line, with what each rests on; where that does not fit the lines, without."""
        value = getattr(self, field)
        texts = value.split("\n") if isinstance(value, str) else value
        texts = [text for text in texts if text]
        facts = self.references.get(field, ())
        if len(facts) != len(texts):
            facts = ((),) * len(texts)
        return [Line(text, of_it) for text, of_it in zip(texts, facts, strict=True)]

    @property
    def weight(self) -> int:
        """Most characters that it has as JSON, escapes not counted."""
        lines = [line for field in self.fields() for line in self.lines(field)]
        return FRAME_CHARS + sum(len(line.text) + 12 * (len(line.facts) + 1) for line in lines)


def lines_said(value: Any) -> list[Line]:
    """The lines of a field that anybody may have written: of a text, of a list of texts, of a number. Of
    anything else there are none."""
    if isinstance(value, str):
        value = value.split("\n")
    elif isinstance(value, int | float):
        value = [str(value)]
    return _within_bounds(
        Line(each) for each in (value if isinstance(value, list) else ()) if isinstance(each, str)
    )


def _within_bounds(lines: Iterable[Line]) -> list[Line]:
    kept: list[Line] = []
    room = TEXT_CHARS
    for line in lines:
        text = bounds.clipped(_told(line.text), LINE_CHARS)
        room -= len(text) + 1
        if len(kept) == LINES or room < 0:
            break
        if text:
            kept.append(Line(text, line.facts))
    return kept


class Soul(Section):
    """Voice, tone and values."""

    rest = "communication_style"

    communication_style: Text = ""
    personality_traits: Items = ()
    tone_preferences: Text = ""
    boundaries: Text = ""
    humor_style: Text = ""
    formality_level: Text = ""
    emotional_patterns: Text = ""


class Identity(Section):
    """Who the assistant is for them."""

    rest = "vibe"

    ai_name: Text = ""
    archetype: Text = ""
    vibe: Text = ""
    emoji_style: Text = ""
    signature_greeting: Text = ""


class User(Section):
    """Who they are."""

    rest = "life_context"

    name: Text = ""
    location: Text = ""
    occupation: Text = ""
    relationships: Items = ()
    interests: Items = ()
    life_context: Text = ""
    preferred_address: Text = ""


class Agents(Section):
    """How to work with them."""

    rest = "behavioral_rules"

    response_style: Text = ""
    behavioral_rules: Items = ()
    context_adaptation: Text = ""
    memory_directives: Text = ""
    do_not: Items = ()


class Tools(Section):
    """What they use."""

    rest = "likely_usage"

    likely_usage: Items = ()
    capabilities_emphasis: Items = ()
    output_preferences: Text = ""
    depth_preference: Text = ""


KINDS: Mapping[str, type[Section]] = MappingProxyType(
    {kind.title(): kind for kind in (Soul, Identity, User, Agents, Tools)}
)
"""The five, by their names, in their order."""
