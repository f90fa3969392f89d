"""A reader of ChatGPT exports that shares nothing with the generator, to check its truth against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Seen:
    """One visible message."""

    conversation_id: str
    id: str
    role: str
    text: str


def newest(conversations: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The newest version of each conversation id."""
    found: dict[str, dict[str, Any]] = {}
    for conversation in conversations:
        known = found.get(conversation["id"])
        if known is None or conversation["update_time"] > known["update_time"]:
            found[conversation["id"]] = conversation
    return found


def visible(conversation: dict[str, Any]) -> list[Seen]:
    """The messages a reader of this conversation sees, in order."""
    mapping = conversation["mapping"]
    at = conversation.get("current_node") or next(
        key for key, node in mapping.items() if not node["children"]
    )
    path = []
    while at is not None:
        path.append(mapping[at])
        at = mapping[at]["parent"]
    return [
        Seen(conversation["id"], node["id"], node["message"]["author"]["role"], _text(node["message"]))
        for node in reversed(path)
        if node["message"] is not None and _shown(node["message"])
    ]


def _shown(message: dict[str, Any]) -> bool:
    return (
        message["author"]["role"] in ("user", "assistant")
        and message.get("recipient", "all") == "all"
        and not message.get("metadata", {}).get("is_visually_hidden_from_conversation")
        and message["content"]["content_type"] in ("text", "multimodal_text")
    )


def _text(message: dict[str, Any]) -> str:
    return "".join(part for part in message["content"]["parts"] if isinstance(part, str))
