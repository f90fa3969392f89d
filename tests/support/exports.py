"""Small ChatGPT exports for tests: conversations of any shape, and the files they come in; generated ones."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.exports.generate import generate

Json = dict[str, Any]
START = 1_700_000_000.0
"""Time of the first message of every built conversation."""


def message(role: str, text: str, message_id: str, at: float | None = START, **fields: Any) -> Json:
    """One message as ChatGPT writes it; `fields` replace or add keys."""
    return {
        "id": message_id,
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": at,
        "content": {"content_type": "text", "parts": [text]},
        "status": "finished_successfully",
        "weight": 1.0,
        "metadata": {},
        "recipient": "all",
    } | fields


def node(node_id: str, parent: str | None, children: Iterable[str], message: Json | None) -> Json:
    """One node of a mapping."""
    return {"id": node_id, "message": message, "parent": parent, "children": list(children)}


def conversation(mapping: Json, current: str | None, conversation_id: str = "c1", **fields: Any) -> Json:
    """One conversation object around `mapping`."""
    return {
        "title": f"Title of {conversation_id}",
        "create_time": START,
        "update_time": START + 100,
        "mapping": mapping,
        "current_node": current,
        "conversation_id": conversation_id,
        "id": conversation_id,
    } | fields


def chain(*texts: str, conversation_id: str = "c1", **fields: Any) -> Json:
    """A conversation without branches: user and assistant in turn under an empty root."""
    ids = ["root", *(f"{conversation_id}-m{i}" for i in range(1, len(texts) + 1))]
    mapping = {"root": node("root", None, ids[1:2], None)}
    for i, text in enumerate(texts, 1):
        role = "user" if i % 2 else "assistant"
        own = message(role, text, ids[i], START + i)
        mapping[ids[i]] = node(ids[i], ids[i - 1], ids[i + 1 : i + 2], own)
    return conversation(mapping, ids[-1], conversation_id, **fields)


def branch(conversation_id: str = "c1", **fields: Any) -> Json:
    """A conversation whose first prompt ("ghost prompt", answered by "ghost answer") was edited.

    The visible path is "kept prompt", "kept answer".
    """
    mapping = {
        "root": node("root", None, ["g1", "k1"], None),
        "g1": node("g1", "root", ["g2"], message("user", "ghost prompt", "g1", START + 1)),
        "g2": node("g2", "g1", [], message("assistant", "ghost answer", "g2", START + 900)),
        "k1": node("k1", "root", ["k2"], message("user", "kept prompt", "k1", START + 3)),
        "k2": node("k2", "k1", [], message("assistant", "kept answer", "k2", START + 4)),
    }
    return conversation(mapping, "k2", conversation_id, **fields)


def chains(count: int, first: int = 0) -> list[Json]:
    """`count` conversations of two messages with ids `c<first>` and on."""
    return [
        chain(f"question {i}", f"answer {i}", conversation_id=f"c{i}") for i in range(first, first + count)
    ]


def claude_chain(*texts: str, conversation_id: str = "k1", account: str = "", at: str = "2024-05-01") -> Json:
    """A conversation as Claude writes it: person and assistant in turn, a minute between them."""
    messages = [
        {
            "uuid": f"{conversation_id}-m{number}",
            "sender": "assistant" if number % 2 else "human",
            "content": [{"type": "text", "text": text}],
            "created_at": f"{at}T10:{number:02}:00Z",
        }
        for number, text in enumerate(texts)
    ]
    owner = {"account": {"uuid": account}} if account else {}
    return {
        "uuid": conversation_id,
        "name": f"Title of {conversation_id}",
        "created_at": f"{at}T10:00:00Z",
        "updated_at": f"{at}T11:00:00Z",
        "chat_messages": messages,
        **owner,
    }


def json_of(value: object) -> bytes:
    """`value` as vendors write it: on one line."""
    return json.dumps(value).encode()


def zip_of(members: Mapping[str, bytes] | Iterable[tuple[str, bytes]]) -> bytes:
    """A zip archive of `members` in the order given; a name may come twice when given as pairs."""
    pairs = members.items() if isinstance(members, Mapping) else members
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in pairs:
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return file.getvalue()


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with exports of 20 and 300 conversations."""
    folder = tmp_path_factory.mktemp("exports")
    generate(folder / "small.zip", 20, seed=3)
    generate(folder / "large.zip", 300, seed=5)
    return folder
