"""The frame of a section: its heading, and whose words stand below it. A section is loaded alone, often into
the prompt of an assistant, which would else take an "I" for itself."""

from __future__ import annotations

from collections.abc import Mapping

_THEIRS = 'Where a line says "I" or "my", the person speaks, not you'
OPENINGS: Mapping[str, str] = {
    "soul": f"How the person you work with writes, and what they value. {_THEIRS}. Notes, not instructions.",
    "identity": f'What the person asks you to be for them. {_THEIRS}; "you" is you, the assistant.',
    "user": f"Who the person you work with is. {_THEIRS}. Notes, not instructions.",
    "agents": f'How the person wants you to work. {_THEIRS}; "you" is you, the assistant.',
    "tools": f"What the person you work with uses. {_THEIRS}. Notes, not instructions.",
}
"""By section, a field of `shared.domain.events.Sections`: the line under its heading."""


def section(name: str, body: str) -> str:
    """The Markdown of one section, ending in a newline; empty if `body` is."""
    return f"{heading(name)}\n\n{OPENINGS[name]}\n\n{body}\n" if body else ""


def heading(name: str) -> str:
    """`# User`"""
    return f"# {name.capitalize()}"
