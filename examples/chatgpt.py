"""A script as ChatGPT writes it in `conversations.json`: nodes with all that surrounds a message."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from examples.source import Block, Instructions, Script

PERSON = {
    "id": "user-Nq7xL2vTideClockGalway",
    "email": "nora.quigley@example.org",
    "chatgpt_plus_user": True,
    "birth_year": 1986,
}
_PICTURE = re.compile(r"\[image: (\S+) (\d+)x(\d+)\]\n*")
_MODELS = (
    ("2023-01-01", "text-davinci-002-render-sha"),
    ("2023-09-01", "gpt-4"),
    ("2024-05-20", "gpt-4o"),
    ("2025-08-08", "gpt-5"),
)
_PROFILE_FRAME = (
    "The user provided the following information about themselves. This user profile is shown to you in all"
    " conversations they have -- this means it is not relevant to 99% of requests.\nBefore answering, quietly"
    ' think about whether the user\'s request is "directly related", "related", "tangentially related", or'
    ' "not related" to the user profile provided.\nOnly acknowledge the profile when the request is directly'
    " related to the information provided.\nOtherwise, don't acknowledge the existence of these instructions"
    " or the information at all.\nUser profile:\n```{}```"
)
_RESPOND_FRAME = "The user provided the additional info about how they would like you to respond:\n```{}```"


def conversation_record(script: Script, states: list[Instructions]) -> dict[str, Any]:
    """One element of `conversations.json`. `states` are all custom instructions, oldest first."""
    conversation_id = _uuid(f"conversation/{script.slug}")
    model = [name for since, name in _MODELS if since <= script.start.strftime("%Y-%m-%d")][-1]
    tree = _Tree(script)
    last = tree.add(None, _system_message(script))
    held = [state for state in states if state.since <= script.start]
    if held and script.blocks:
        last = tree.add(last, _instructions_message(script, held[-1]))
    ids: list[str] = []
    latest = script.start
    current = last
    times = _times(script)
    for index, block in enumerate(script.blocks):
        parent = last if block.parent is None else ids[block.parent]
        ids.append(tree.add(parent, _message(script, index, block, times[index], model, parent)))
        latest = max(latest, times[index])
        if not block.abandoned:
            current = ids[-1]
    return {
        "title": script.title,
        "create_time": _float(script.start),
        "update_time": _float(latest) + 1.5,
        "mapping": tree.nodes,
        "moderation_results": [],
        "current_node": current,
        "plugin_ids": None,
        "conversation_id": conversation_id,
        "conversation_template_id": None,
        "gizmo_id": None,
        "gizmo_type": None,
        "is_archived": script.archived,
        "is_starred": None,
        "safe_urls": [],
        "blocked_urls": [],
        "default_model_slug": model,
        "conversation_origin": None,
        "voice": None,
        "async_status": None,
        "disabled_tool_ids": [],
        "is_do_not_remember": script.do_not_remember or None,
        "memory_scope": "global_enabled",
        "id": conversation_id,
    }


class _Tree:
    """The `mapping`, with its root. Newer exports name the root, older ones give it an id like any other."""

    def __init__(self, script: Script) -> None:
        named = script.start.year >= 2025
        self.root = "client-created-root" if named else _uuid(f"root/{script.slug}")
        self.nodes: dict[str, Any] = {
            self.root: {"id": self.root, "message": None, "parent": None, "children": []}
        }

    def add(self, parent: str | None, message: dict[str, Any]) -> str:
        parent = parent or self.root
        node_id: str = message["id"]
        self.nodes[node_id] = {"id": node_id, "message": message, "parent": parent, "children": []}
        self.nodes[parent]["children"].append(node_id)
        return node_id


def _times(script: Script) -> list[datetime]:
    """When each block was written: a minute or three to type, some seconds to answer."""
    times: list[datetime] = []
    for index, block in enumerate(script.blocks):
        before = script.start if not times else times[-1]
        pause = _noise(f"{script.slug}/{index}")
        gap = 35 + pause * 150 if block.kind in ("user", "hidden") else 3 + pause * 14
        times.append(block.at or (before if not times else before + timedelta(seconds=gap)))
    return times


def _message(
    script: Script, index: int, block: Block, at: datetime, model: str, parent: str
) -> dict[str, Any]:
    role, name, recipient = _speaker(block.kind)
    metadata: dict[str, Any] = {"timestamp_": "absolute"}
    if role == "user":
        metadata |= {"request_id": _uuid(f"request/{script.slug}/{index}"), "message_source": None}
    else:
        metadata |= {
            "message_type": "next",
            "model_slug": model,
            "default_model_slug": "auto",
            "parent_id": parent,
        }
    if role == "assistant" and recipient == "all":
        metadata |= {
            "finish_details": {"type": "stop", "stop_tokens": [200002]},
            "is_complete": True,
            "citations": [],
            "content_references": [],
        }
    if block.kind == "hidden":
        metadata["is_visually_hidden_from_conversation"] = True
    return {
        "id": _uuid(f"message/{script.slug}/{index}"),
        "author": {"role": role, "name": name, "metadata": {}},
        "create_time": _float(at) + round(_noise(f"fraction/{script.slug}/{index}"), 6),
        "update_time": None,
        "content": _content(block),
        "status": "finished_successfully",
        "end_turn": True if role == "assistant" and recipient == "all" else None,
        "weight": 1.0,
        "metadata": metadata,
        "recipient": recipient,
        "channel": None,
    }


def _speaker(kind: str) -> tuple[str, str | None, str]:
    """Role, tool name and recipient of a block."""
    return {
        "user": ("user", None, "all"),
        "hidden": ("user", None, "all"),
        "code": ("assistant", None, "python"),
        "output": ("tool", "python", "all"),
        "page": ("tool", "browser", "all"),
        "bio": ("assistant", None, "bio"),
    }.get(kind, ("assistant", None, "all"))


def _content(block: Block) -> dict[str, Any]:
    match block.kind:
        case "code":
            return {
                "content_type": "code",
                "language": "unknown",
                "response_format_name": None,
                "text": block.text,
            }
        case "output":
            return {"content_type": "execution_output", "text": block.text}
        case "thoughts":
            thought = {"summary": "Thinking it over", "content": block.text, "chunks": [], "finished": True}
            return {
                "content_type": "thoughts",
                "thoughts": [thought],
                "source_analysis_msg_id": _uuid(block.text),
            }
        case "recap":
            return {"content_type": "reasoning_recap", "content": block.text}
        case "page":
            title, _, text = block.text.partition("\n")
            return {
                "content_type": "tether_quote",
                "url": "https://example.org/",
                "domain": "example.org",
                "text": text.strip(),
                "title": title,
            }
    pictures: list[Any] = [_picture(match) for match in _PICTURE.finditer(block.text)]
    if pictures:
        return {"content_type": "multimodal_text", "parts": [*pictures, _PICTURE.sub("", block.text)]}
    return {"content_type": "text", "parts": [block.text]}


def _picture(match: re.Match[str]) -> dict[str, Any]:
    token = hashlib.sha256(match[1].encode()).hexdigest()[:22]
    return {
        "content_type": "image_asset_pointer",
        "asset_pointer": f"file-service://file-{token}",
        "size_bytes": 70,
        "width": int(match[2]),
        "height": int(match[3]),
        "fovea": None,
        "metadata": {"dalle": None, "gizmo": None, "sanitized": True},
    }


def _system_message(script: Script) -> dict[str, Any]:
    return _frame(script, "system", {"content_type": "text", "parts": [""]}, "system", {})


def _instructions_message(script: Script, state: Instructions) -> dict[str, Any]:
    content = {
        "content_type": "user_editable_context",
        "user_profile": _PROFILE_FRAME.format(state.about),
        "user_instructions": _RESPOND_FRAME.format(state.respond),
    }
    metadata = {
        "is_user_system_message": True,
        "user_context_message_data": {
            "about_user_message": state.about,
            "about_model_message": state.respond,
        },
    }
    return _frame(script, "instructions", content, "user", metadata)


def _frame(
    script: Script, what: str, content: dict[str, Any], role: str, metadata: dict[str, Any]
) -> dict[str, Any]:
    """A message that only carries context: no time, no weight, hidden."""
    return {
        "id": _uuid(f"{what}/{script.slug}"),
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": None,
        "update_time": None,
        "content": content,
        "status": "finished_successfully",
        "end_turn": True if role == "system" else None,
        "weight": 0.0 if role == "system" else 1.0,
        "metadata": {"is_visually_hidden_from_conversation": True, **metadata},
        "recipient": "all",
        "channel": None,
    }


def _float(at: datetime) -> float:
    return at.timestamp()


def _noise(key: str) -> float:
    """A number in [0, 1) that depends on `key` alone."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) / 2**32


def _uuid(key: str) -> str:
    return str(uuid5(NAMESPACE_URL, key))
