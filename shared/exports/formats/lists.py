"""Where the conversations of a JSON file stand: in a list, in a list under `conversations`, or alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.exports.formats.base import Head
from shared.exports.formats.fields import objects_of

PREFIXES = ("item", "conversations.item", "")
"""What `read_conversations` looks through; every format takes all three."""


def candidates(head: Head) -> Iterator[dict[str, Any]]:
    """The objects near the beginning that may be conversations."""
    for item in objects_of(head.objects):
        yield item
        yield from objects_of(item.get("conversations"))
