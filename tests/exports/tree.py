"""The message tree of a ChatGPT conversation, as its exports write it."""

from __future__ import annotations

from random import Random
from typing import Any

Json = dict[str, Any]


def uuid4(rng: Random) -> str:
    """A version 4 UUID drawn from `rng`."""
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


class Tree:
    """Builds the `mapping` of one conversation. `lean` leaves out what an export may leave out."""

    def __init__(self, rng: Random, lean: bool) -> None:
        self.mapping: Json = {}
        self._rng = rng
        self._lean = lean
        self.root = self._node(None, None, "client-created-root" if lean else uuid4(rng))
        if not lean:
            self.root = self.add(
                self.root, "system", {"content_type": "text", "parts": [""]}, None, hidden=True
            )

    def add(
        self,
        parent: str,
        role: str,
        content: Json,
        at: float | str | None,
        *,
        recipient: str = "all",
        hidden: bool = False,
        name: str | None = None,
    ) -> str:
        """Append a message under `parent`; returns its node id, which is its message id too."""
        node = uuid4(self._rng)
        message: Json = {"id": node, "author": {"role": role}, "create_time": at, "content": content}
        if not self._lean:
            message["author"] = {"role": role, "name": name, "metadata": {}}
            message |= {
                "update_time": None,
                "status": "finished_successfully",
                "end_turn": None if role != "assistant" else recipient == "all",
                "weight": 0.0 if role == "system" else 1.0,
                "metadata": self._metadata(role, parent),
                "recipient": recipient,
                "channel": None,
            }
        elif recipient != "all":
            message["recipient"] = recipient
        if hidden:
            message.setdefault("metadata", {})["is_visually_hidden_from_conversation"] = True
        return self._node(parent, message, node)

    def _node(self, parent: str | None, message: Json | None, node: str) -> str:
        self.mapping[node] = {"id": node, "message": message, "parent": parent, "children": []}
        if parent is not None:
            self.mapping[parent]["children"].append(node)
        return node

    def _metadata(self, role: str, parent: str) -> Json:
        if role == "assistant":
            return {
                "finish_details": {"type": "stop", "stop_tokens": [200002]},
                "is_complete": True,
                "citations": [],
                "content_references": [],
                "message_type": None,
                "model_slug": "gpt-4o",
                "default_model_slug": "auto",
                "parent_id": parent,
                "request_id": uuid4(self._rng),
                "timestamp_": "absolute",
            }
        if role == "user":
            return {"request_id": uuid4(self._rng), "message_source": None, "timestamp_": "absolute"}
        return {}


def multimodal(rng: Random, text: str) -> Json:
    """The content of a message with a picture beside its text."""
    pointer = f"file-service://file-{rng.getrandbits(96):024x}"
    picture = {
        "content_type": "image_asset_pointer",
        "asset_pointer": pointer,
        "size_bytes": 20_480,
        "width": 640,
        "height": 480,
    }
    return {"content_type": "multimodal_text", "parts": [picture, text]}


def custom_instructions(profile: str, wishes: str) -> Json:
    """The content of the hidden message that repeats the person's standing instructions."""
    return {
        "content_type": "user_editable_context",
        "user_profile": "The user provided the following information about themselves. This user profile is "
        f"shown to you in all conversations they have.\nUser profile:\n```{profile}```",
        "user_instructions": "The user provided the additional info about how they would like you to "
        f"respond:\n```{wishes}```",
    }
