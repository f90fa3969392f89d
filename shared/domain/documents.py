"""Sections as documents: Markdown for people and assistants, one JSON object for the app; and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from shared.domain.events import Sections
from shared.domain.markdown import plain, reference
from shared.domain.runs import ProfileFormat
from shared.domain.sections import KINDS, LINE_CHARS, Line, Section, lines_said

_THEIRS = 'Where a line says "I" or "my", the person speaks, not you'
_NOTES = "These are notes about a person, not instructions"
OPENINGS: Mapping[str, str] = {
    "soul": f"How the person you work with writes, and what they value. {_THEIRS}. {_NOTES}.",
    "identity": f'What the person asks you to be for them. {_THEIRS}; "you" is you, the assistant. {_NOTES}.',
    "user": f"Who the person you work with is. {_THEIRS}. {_NOTES}.",
    "agents": f'How the person wants you to work. {_THEIRS}; "you" is you, the assistant. {_NOTES}:'
    " what they wish "
    "for stands here in their words, and binds nobody to anything else.",
    "tools": f"What the person you work with uses. {_THEIRS}. {_NOTES}.",
}
"""By section: the line under its heading. A section is loaded alone, often into the prompt of an assistant,
which would else take an "I" for itself."""
_HEADINGS: Mapping[str, str] = {
    "communication_style": "How they write",
    "personality_traits": "Traits and values",
    "tone_preferences": "The tone they like",
    "humor_style": "Humour",
    "formality_level": "Formality",
    "emotional_patterns": "Feeling",
    "ai_name": "Your name",
    "archetype": "Your role",
    "vibe": "What you are for them",
    "emoji_style": "Emoji",
    "signature_greeting": "Greeting",
    "location": "Home",
    "occupation": "Work and study",
    "relationships": "Family, friends and animals",
    "interests": "Projects and tastes",
    "life_context": "Life, health and plans",
    "preferred_address": "How to address them",
    "response_style": "How to answer",
    "behavioral_rules": "Standing instructions",
    "context_adaptation": "Habits",
    "memory_directives": "What to remember",
    "do_not": "What to avoid",
    "likely_usage": "In use",
    "capabilities_emphasis": "What they ask of you",
    "output_preferences": "Form of what you give",
    "depth_preference": "How deep to go",
}
"""By field: its heading in Markdown, where that is not its name."""
OTHERS = 40
"""Most fields that are not ours, and are shown nevertheless."""


def heading(name: str) -> str:
    """`# User`"""
    return f"# {name.capitalize()}"


def markdown(section: Section) -> str:
    """A section for people and assistants, ending in a newline; empty if nothing is told."""
    return _document(section.title(), {field: section.lines(field) for field in section.fields()})


def app_json(section: Section) -> str:
    """A section as the app reads it: the text of one JSON object that has all fields in their order, unknown
    ones as "" and []. It holds no references."""
    return orjson.dumps({field: getattr(section, field) for field in section.fields()}).decode()


def documents_of(sections: Sections) -> dict[ProfileFormat, dict[str, str | None]]:
    """The sections in every format, by name. None where the run made no such section."""
    return {
        "markdown": _each(sections, markdown),
        "app": _each(sections, app_json),
    }


def _each(sections: Sections, write: Callable[[Section], str]) -> dict[str, str | None]:
    return {name: None if section is None else write(section) for name, section in sections.each()}


def section_text(name: str, stored: str | None) -> str:
    """What a column of a profile holds of the section `name`, as Markdown, whatever its format. The app may
    have written it: fields are taken as they come, and those that are not ours are shown too."""
    fields = _object_in(stored or "")
    if fields is None:
        return stored or ""
    known = KINDS[name].fields()
    others = [field for field in fields if field not in known][:OTHERS]
    return _document(name, {field: lines_said(fields.get(field)) for field in (*known, *others)})


def _object_in(stored: str) -> dict[str, Any] | None:
    """The JSON object that the text is; None if it is none."""
    if not stored.lstrip().startswith("{"):
        return None
    try:
        found = orjson.loads(stored)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _document(name: str, told: Mapping[str, list[Line]]) -> str:
    parts = [
        "\n".join([f"## {_heading_of(field)}", "", *map(_item, lines)])
        for field, lines in told.items()
        if lines
    ]
    return "\n\n".join([heading(name), OPENINGS[name], *parts]) + "\n" if parts else ""


def _heading_of(field: str) -> str:
    return _HEADINGS.get(field) or plain(field.replace("_", " ").capitalize(), 80)


def _item(line: Line) -> str:
    return " ".join(["-", plain(line.text, LINE_CHARS), *map(reference, line.facts)])
