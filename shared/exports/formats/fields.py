"""Fields of untrusted JSON: what is not of the expected type reads as absent, nothing raises."""

from __future__ import annotations

from typing import Any

from shared.domain.sizes import TITLE_CHARS
from shared.domain.text import repair
from shared.exports.formats.identity import identifier

MAX_TITLE = TITLE_CHARS
"""Characters of a title kept; the vendors' own have at most 200."""


def objects_of(value: object) -> list[dict[str, Any]]:
    """The objects among the elements of `value`, if that is a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def id_of(value: object) -> str:
    """`identifier`, with "" for none: what `tree.visible_path` takes."""
    return identifier(value) or ""


def title_of(value: object) -> str:
    """A title on one line, clipped to MAX_TITLE characters; "" where there is none."""
    return " ".join(repair(value[: MAX_TITLE * 2]).split())[:MAX_TITLE] if isinstance(value, str) else ""


def too_many(count: int, cap: int) -> str:
    """Why a conversation of `count` messages is rejected."""
    return f"it has {count} messages; the cap is {cap}"
